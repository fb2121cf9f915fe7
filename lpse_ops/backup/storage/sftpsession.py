"""One SFTP session: requests out, answers in, many of them on their way at the same time.

For one thread at a time.  Each answer must be to a request that is open; whatever else a server
says ends the session.  Over what the bytes travel is not known here (``Channel``).
"""

import struct
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Protocol

from lpse_ops.backup.storage.sftppackets import (
    VERSION,
    Answer,
    Ask,
    BadAnswer,
    Fields,
    Incoming,
    Say,
    Status,
    parse_extensions,
    parse_status,
    request,
    tame,
    text,
)

FSYNC, POSIX_RENAME = b"fsync@openssh.com", b"posix-rename@openssh.com"
_LIMITS, _STATVFS = b"limits@openssh.com", b"statvfs@openssh.com"
# Every server takes this much (draft, section 3); OpenSSH takes more and says so.
_PIECE_BYTES = 32 * 1024
_LARGEST_PIECE_BYTES = 255 * 1024
_MAX_HANDLE_BYTES = 256
# As OpenSSH's own client.  More answers than this are never held here either.
IN_FLIGHT = 64
# Small requests go together: a packet for each would cost both sides more than the request.
_SEND_BYTES = 8 * 1024
PATIENCE_SECONDS = 120.0
_U64S = struct.Struct(">11Q")


class Channel(Protocol):
    """A stream to an SFTP server; ``OSError`` from any method means that it is lost."""

    def send(self, content: bytes | memoryview) -> None:
        """Send everything; may wait while the server does not read."""
        ...

    def receive(self, timeout_seconds: float) -> bytes | None:
        """Some bytes: empty at the end, None when nothing came in time."""
        ...

    def errors(self) -> bytes:
        """The last that was said beside the stream, if anything."""
        ...

    def close(self) -> None:
        """May be called twice."""
        ...


class Refused(Exception):
    """The server answered a request with no; the session goes on."""

    def __init__(self, code: int, said: str) -> None:
        super().__init__(said or f"status {code}")
        self.code = code
        # Of the file system, where somebody asked.
        self.free_bytes: int | None = None


class SessionLost(Exception):
    """The stream broke off, or the server fell silent."""


class SessionEnded(SessionLost):
    """The server ended the session in good order."""


class SftpSession:
    def __init__(self, channel: Channel, patience_seconds: float = PATIENCE_SECONDS) -> None:
        """Agree on the protocol; ``SessionLost`` or ``BadAnswer`` when that fails."""
        self._channel = channel
        self._patience = patience_seconds
        self._incoming = Incoming()
        self._open: set[int] = set()
        self._forgotten: set[int] = set()
        self._arrived: dict[int, Answer] = {}
        self._last = 0
        # Requests that are sent together, when an answer is waited for or enough have come up.
        self._outgoing: list[bytes] = []
        self._outgoing_bytes = 0
        self._read_bytes = self._write_bytes = _PIECE_BYTES
        self._asked_limits: int | None = None
        self._extensions = self._greet()
        if _LIMITS in self._extensions:
            self._asked_limits = self.ask_more(_LIMITS)

    @property
    def read_bytes(self) -> int:
        """The most that may be read at once."""
        self._learn_limits()
        return self._read_bytes

    @property
    def known_read_bytes(self) -> int:
        """The same as far as it is known, without a wait for the answer."""
        return self._read_bytes

    @property
    def write_bytes(self) -> int:
        """The most that may be written at once."""
        self._learn_limits()
        return self._write_bytes

    def offers(self, extension: bytes) -> bool:
        return extension in self._extensions

    def ask(self, kind: Ask, *fields: bytes | memoryview) -> int:
        """Send a request, at the latest when an answer is waited for.

        The number is for the methods below, each to be used once.
        """
        self._last = (self._last + 1) & 0xFFFFFFFF
        self._send(request(kind, self._last, *fields))
        self._open.add(self._last)
        return self._last

    def ask_more(self, extension: bytes, *fields: bytes) -> int:
        """The same for an extension, which the server must offer."""
        return self.ask(Ask.EXTENDED, text(extension), *fields)

    def answer(self, number: int) -> Answer:
        """Wait for the answer to a request, whatever it is."""
        while number not in self._arrived:
            arrived = self._receive()
            if arrived.number in self._forgotten:
                self._forgotten.remove(arrived.number)
                continue
            if arrived.number not in self._open:
                raise BadAnswer(f"an answer to request {arrived.number}, which nobody made")
            self._open.remove(arrived.number)
            self._arrived[arrived.number] = arrived
        return self._arrived.pop(number)

    def forget(self, number: int) -> None:
        """Nobody waits for this answer; whatever it says, it is dropped when it comes."""
        if self._arrived.pop(number, None) is None:
            self._open.remove(number)
            self._forgotten.add(number)

    def done(self, number: int) -> None:
        """Wait until it is done, or raise ``Refused``."""
        answer = self.answer(number)
        if answer.kind != Say.STATUS:
            raise BadAnswer(f"an answer of kind {answer.kind} where a status was due")
        code, said = parse_status(answer.body)
        if code != Status.OK:
            raise Refused(code, said)

    def value(self, number: int, kind: Say) -> memoryview:
        """Wait for an answer of a kind and return what it holds, or raise ``Refused``."""
        answer = self.answer(number)
        if answer.kind == Say.STATUS:
            code, said = parse_status(answer.body)
            raise Refused(code, said)
        if answer.kind != kind:
            raise BadAnswer(f"an answer of kind {answer.kind} where {kind.name} was due")
        return answer.body

    def handle(self, number: int) -> bytes:
        """What the server calls an opened file or folder, ready for the fields of a request."""
        handle = Fields(self.value(number, Say.HANDLE)).text()
        if len(handle) > _MAX_HANDLE_BYTES:
            raise BadAnswer(f"a handle of {len(handle)} bytes")
        return text(handle)

    @contextmanager
    def opened(self, number: int) -> Iterator[bytes]:
        """The handle for the time of a block; also after an error it is closed."""
        handle = self.handle(number)
        try:
            yield handle
        except Refused:
            self.settle()
            self._ignore(self.ask(Ask.CLOSE, handle))
            raise

    def settle(self) -> None:
        """Wait for all that is still open and forget it: nobody wants to know any more."""
        self._learn_limits()
        self._flush()
        while self._open:
            self.answer(next(iter(self._open)))
        self._arrived.clear()

    def free_bytes(self, path: bytes) -> int | None:
        """What an account may still write to a file system; None where nobody says."""
        if _STATVFS not in self._extensions:
            return None
        try:
            body = self.value(self.ask_more(_STATVFS, text(path)), Say.EXTENDED)
            _, block_bytes, _, _, blocks, *_ = _U64S.unpack_from(body)
        except (Refused, struct.error):
            return None
        return int(block_bytes * blocks)

    def close(self) -> None:
        self._channel.close()

    def _ignore(self, number: int) -> None:
        with suppress(Refused):
            self.done(number)

    def _greet(self) -> dict[bytes, bytes]:
        self._send(request(Ask.INIT, VERSION))
        try:
            greeting = self._receive()
        except SessionEnded as error:
            raise BadAnswer(f"no SFTP server starts there ({error})") from error
        if greeting.kind != Say.VERSION or greeting.number < VERSION:
            raise BadAnswer(f"it speaks version {greeting.number} of SFTP, and 3 is needed")
        return parse_extensions(greeting.body)

    def _learn_limits(self) -> None:
        asked, self._asked_limits = self._asked_limits, None
        if asked is None:
            return
        try:
            fields = Fields(self.value(asked, Say.EXTENDED))
        except Refused:
            return
        fields.u64()  # of whole packets
        self._read_bytes, self._write_bytes = _piece(fields.u64()), _piece(fields.u64())

    def _send(self, message: bytes) -> None:
        self._outgoing.append(message)
        self._outgoing_bytes += len(message)
        if self._outgoing_bytes >= _SEND_BYTES:
            self._flush()

    def _flush(self) -> None:
        outgoing, self._outgoing, self._outgoing_bytes = self._outgoing, [], 0
        if not outgoing:
            return
        try:
            self._channel.send(b"".join(outgoing))
        except OSError as error:
            raise self._lost(str(error)) from error

    def _receive(self) -> Answer:
        while (answer := self._incoming.next()) is None:
            self._flush()
            try:
                received = self._channel.receive(self._patience)
            except OSError as error:
                raise self._lost(str(error)) from error
            if received is None:
                raise SessionLost(f"no answer within {self._patience:.0f} s")
            if not received:
                raise SessionEnded(str(self._lost("the server ended the session")))
            self._incoming.feed(received)
        return answer

    def _lost(self, how: str) -> SessionLost:
        said = tame(self._channel.errors())
        return SessionLost(how if said in how else f"{how}: {said}")


def _piece(offered: int) -> int:
    """0 stands for no limit."""
    return min(offered or _LARGEST_PIECE_BYTES, _LARGEST_PIECE_BYTES)

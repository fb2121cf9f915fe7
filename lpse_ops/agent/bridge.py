"""Carries one connection of the controller to a server on this host, as a program of its own.

``LENGTH ACCOUNT ADDRESS...``: LENGTH is for the stub that reads this source.  An address is the
path of a Unix socket, or ``HOST:PORT``; the first that answers is taken.  Root becomes ACCOUNT
before, if there is one: servers look who asks.  Standard input and output carry pieces, ``kind
u32``; DATA is followed by so many bytes, PACKED by as many that zlib has made of more, and TAKEN
says how many have left the other side's window.  It ends when the controller does.

Runs on the managed host: standard library only, Python 3.6; the controller uses ``Pieces``, too.
"""

import contextlib
import os
import pwd
import select
import socket
import struct
import sys
import time
import zlib
from typing import Callable, Iterator, List, Optional, Sequence, Tuple

HEAD = struct.Struct(">cI")
READY = b"R"
FAILED = b"F"
DATA = b"D"
PACKED = b"P"
TAKEN = b"T"
END = b"E"
# So much may be under way in each direction: 100 MB/s at 40 ms.
WINDOW_BYTES = 4 << 20
# So much is taken in before the other side is told.
TELL_BYTES = WINDOW_BYTES // 8
READ_BYTES = 1 << 18
_CONNECT_SECONDS = 20
# A line that is slower than packing: a faster one would only wait for us.
_SLOW_BYTES_PER_SECOND = 16 << 20
_PACKED_FROM_BYTES = 1 << 10


class BrokenPieces(Exception):
    """What came is nothing that the other side would say."""


class Pieces:
    """Takes a stream apart; DATA comes in parts as it arrives, so that nothing is kept long."""

    def __init__(self) -> None:
        self._head = b""
        self._left = 0
        self._packed: Optional[bytearray] = None

    def feed(self, received: bytes) -> Iterator[Tuple[bytes, int, memoryview]]:
        """Kind, number and bytes of each piece: the number is that of TAKEN, else of the bytes."""
        rest = memoryview(received)
        while rest:
            if self._left:
                part = rest[: self._left]
                self._left -= len(part)
                rest = rest[len(part) :]
                if self._packed is not None:
                    part = self._unpack(part)
                if part:
                    yield DATA, len(part), part
                continue
            wanted = HEAD.size - len(self._head)
            self._head += bytes(rest[:wanted])
            rest = rest[wanted:]
            if len(self._head) < HEAD.size:
                return
            kind, number = HEAD.unpack(self._head)
            self._head = b""
            if kind not in (READY, FAILED, DATA, PACKED, TAKEN, END) or number > WINDOW_BYTES:
                raise BrokenPieces(f"a piece of kind {kind!r} and {number} bytes")
            if kind in (DATA, PACKED):
                self._left = number
                self._packed = bytearray() if kind == PACKED else None
            else:
                yield kind, number, rest[:0]

    def _unpack(self, part: memoryview) -> memoryview:
        """What was packed, once all of it is there; nothing before."""
        packed = self._packed = (self._packed or bytearray()) + part
        if self._left:
            return part[:0]
        decompressor = zlib.decompressobj()
        try:
            content = decompressor.decompress(packed, READ_BYTES)
        except zlib.error as error:
            raise BrokenPieces(f"a piece that zlib refuses: {error}") from error
        if not decompressor.eof:
            raise BrokenPieces("a piece that is cut off, or larger than any")
        return memoryview(content)


def main(arguments: Sequence[str]) -> int:
    """Connect, say READY, and carry until both sides have ended; 1 when there is no server."""
    try:
        become(arguments[0])
        server = connect(arguments[1:])
    except OSError as error:
        print(error, file=sys.stderr, flush=True)
        _write(HEAD.pack(FAILED, 0))
        return 1
    with contextlib.suppress(BrokenPipeError, ConnectionResetError, BrokenPieces):
        _write(HEAD.pack(READY, 0))
        _Carrier(server).run()
    return 0


def become(account: str) -> None:
    """Work as an account from now on; where there is none of this name, stay who we are."""
    if os.getuid() or not account:
        return
    try:
        entry = pwd.getpwnam(account)
    except KeyError:
        return
    os.initgroups(account, entry.pw_gid)
    os.setgid(entry.pw_gid)
    os.setuid(entry.pw_uid)


def connect(addresses: Sequence[str]) -> socket.socket:
    """A connection to the first address that answers; OSError names all of them."""
    problems: List[str] = []
    for address in addresses:
        try:
            return _connect(address)
        except OSError as error:
            problems.append(f"{address}: {error.strerror or error}")
    raise OSError("; ".join(problems))


def _connect(address: str) -> socket.socket:
    if not address.startswith(("/", "@")):
        host, _, port = address.rpartition(":")
        connected = socket.create_connection((host, int(port)), _CONNECT_SECONDS)
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connected
    connected = socket.socket(socket.AF_UNIX)
    try:
        connected.connect("\0" + address[1:] if address.startswith("@") else address)
    except OSError:
        connected.close()
        raise
    return connected


class Pace:
    """Tells whether the line is slow; ``now`` is a clock that only goes on."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._since = now()
        self._taken = 0
        self._sent = 0
        self._waited = False
        self.is_slow = False

    def sent(self, count: int, room: int) -> None:
        """So many bytes went out, and there is room for so many more."""
        self._sent += count
        self._waited = self._waited or not room

    def taken(self, count: int) -> None:
        """The other side has told that it took in so much; a whole window says how quick it is."""
        self._taken += count
        if self._taken < WINDOW_BYTES:
            return
        now = self._now()
        # A server that has nothing to say makes no line slow.
        self.is_slow = self._waited and self._sent < (now - self._since) * _SLOW_BYTES_PER_SECOND
        self._since, self._taken, self._sent, self._waited = now, 0, 0, False


class _Carrier:
    """Both directions in one loop, which waits for nobody but the reader of our output."""

    def __init__(self, server: socket.socket) -> None:
        server.setblocking(False)
        self._server = server
        self._pieces = Pieces()
        self._to_server = bytearray()
        self._room = WINDOW_BYTES
        self._taken = 0
        self._pace = Pace()
        self._has_more = True
        self._wants_more = True

    def run(self) -> None:
        while self._has_more or self._wants_more:
            poll = select.poll()
            poll.register(0, select.POLLIN)
            events = self._events()
            # Without events it would still wake us up, again and again, once it has hung up.
            if events:
                poll.register(self._server, events)
            for descriptor, event in poll.poll():
                if descriptor == 0 and not self._listen():
                    return
                if descriptor and event & ~select.POLLOUT and events & select.POLLIN:
                    self._fetch()
            self._deliver()

    def _events(self) -> int:
        wanted = select.POLLIN if self._has_more and self._room else 0
        return wanted | (select.POLLOUT if self._to_server else 0)

    def _listen(self) -> bool:
        """Take what the controller sent; False when it is gone."""
        received = os.read(0, READ_BYTES)
        for kind, number, part in self._pieces.feed(received):
            if kind == DATA:
                self._to_server += part
            elif kind == TAKEN:
                self._room += number
                self._pace.taken(number)
            elif kind == END:
                self._wants_more = False
                self._end_server()
        return bool(received)

    def _fetch(self) -> None:
        """Pass on what the server says, as much as there is room for."""
        try:
            received = self._server.recv(min(READ_BYTES, self._room))
        except BlockingIOError:
            return
        except OSError:
            received = b""
        self._room -= len(received)
        if received:
            kind, content = self._packed(received)
            self._pace.sent(len(content), self._room)
            _write(HEAD.pack(kind, len(content)) + content)
        else:
            self._has_more = False
            _write(HEAD.pack(END, 0))

    def _packed(self, content: bytes) -> Tuple[bytes, bytes]:
        """As it is worth sending: packed for a slow line, if that makes it smaller."""
        if self._pace.is_slow and len(content) >= _PACKED_FROM_BYTES:
            packed = zlib.compress(content, 1)
            if len(packed) < len(content):
                return PACKED, packed
        return DATA, content

    def _deliver(self) -> None:
        while self._to_server:
            try:
                count = self._server.send(self._to_server)
            except BlockingIOError:
                break
            except OSError:
                # It hears no more; what it said before is still to be fetched.
                count = len(self._to_server)
            del self._to_server[:count]
            self._taken += count
        if self._taken >= TELL_BYTES:
            _write(HEAD.pack(TAKEN, self._taken))
            self._taken = 0
        self._end_server()

    def _end_server(self) -> None:
        if not self._wants_more and not self._to_server:
            with contextlib.suppress(OSError):
                self._server.shutdown(socket.SHUT_WR)


def _write(content: bytes) -> None:
    rest = memoryview(content)
    while rest:
        rest = rest[os.write(1, rest) :]


if __name__ == "__main__":
    sys.exit(main(sys.argv[2:]))

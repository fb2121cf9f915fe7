"""The packets of an SSH connection, several of them sealed and sent at a time.

With AES-GCM, which every OpenSSH since 2013 has, bytes are copied a few times less than by
paramiko's own class, and the system is called once for several packets.  Other ciphers are left
to paramiko.
"""

import contextlib
import errno
import os
import socket
import struct
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from paramiko.common import MSG_CHANNEL_DATA
from paramiko.message import Message
from paramiko.packet import NeedRekeyException, Packetizer
from paramiko.ssh_exception import SSHException

_BLOCK_BYTES = 16
_TAG_BYTES = 16
_MAX_PADDING_BYTES = 3 + _BLOCK_BYTES
_LENGTH_BYTES = 4
_COUNTER_LIMIT = 1 << 64
_START_BYTES = 12
# As OpenSSH: nothing that is larger is a packet.
_MAX_PACKET_BYTES = 256 * 1024
_READ_BYTES = 1 << 18
_DATA_HEAD = struct.Struct(">BII")

Sink = Callable[[Sequence[bytes]], None]


@dataclass(frozen=True)
class ChannelData:
    """Input for a channel, each piece in a packet; takes the place of a paramiko ``Message``."""

    channel: int
    pieces: Sequence[memoryview]

    def parts(self) -> Iterable[tuple[bytes, bytes | memoryview]]:
        for piece in self.pieces:
            yield _DATA_HEAD.pack(MSG_CHANNEL_DATA, self.channel, len(piece)), piece


class _Cipher:
    """AES-GCM with its counter of packets (RFC 5647), one way."""

    def __init__(self, engine: Any, start: bytes) -> None:
        self._engine = engine
        self._fixed = start[:4]
        self._counter = int.from_bytes(start[4:], "big")
        self.bytes_done = 0

    def seal(self, plain: bytes, length: bytes) -> bytes:
        sealed: bytes = self._engine.encrypt(self._next(len(plain)), plain, length)
        return sealed

    def open(self, sealed: bytes, length: bytes) -> bytes:
        try:
            plain: bytes = self._engine.decrypt(self._next(len(sealed)), sealed, length)
        except InvalidTag as error:
            raise SSHException("a packet was changed on its way") from error
        return plain

    def _next(self, size: int) -> bytes:
        nonce = self._fixed + self._counter.to_bytes(8, "big")
        self._counter = (self._counter + 1) % _COUNTER_LIMIT
        self.bytes_done += size
        return nonce


class QuickPacketizer(Packetizer):  # type: ignore[misc] # paramiko has no types
    """Reads in one thread and sends from any; see ``paramiko.packet.Packetizer``."""

    # RFC 4344: a cipher with blocks of 128 bits is good for 64 GiB, and so OpenSSH takes it.
    REKEY_BYTES = 1 << 34

    def __init__(self, stream: Any) -> None:
        super().__init__(stream)
        self._stream = stream
        self._is_starting = True
        self._writing = threading.Lock()
        self._out: _Cipher | None = None
        self._in: _Cipher | None = None
        self._asked_at_bytes = 0
        self._received_packets = 0
        # What was received, and how much of it is used.
        self._held = b""
        self._taken = 0
        self._sinks: dict[int, Sink] = {}
        self._collected: dict[int, list[bytes]] = {}

    def add_sink(self, channel: int, sink: Sink) -> None:
        """Give a channel's data to ``sink``, several pieces at a time, and no more to paramiko."""
        self._sinks[channel] = sink

    def remove_sink(self, channel: int) -> None:
        self._sinks.pop(channel, None)

    def set_outbound_cipher(self, block_engine: Any, *values: Any, **options: Any) -> None:
        super().set_outbound_cipher(block_engine, *values, **options)
        self._out = _our_cipher(block_engine, options.get("iv_out"))

    def set_inbound_cipher(self, block_engine: Any, *values: Any, **options: Any) -> None:
        super().set_inbound_cipher(block_engine, *values, **options)
        self._in = _our_cipher(block_engine, options.get("iv_in"))
        self._asked_at_bytes = 0

    def reset_seqno_in(self) -> None:
        super().reset_seqno_in()
        self._received_packets = 0

    def send_message(self, data: Any) -> None:
        """Send a ``Message``, or all packets of a ``ChannelData``."""
        parts = data.parts() if isinstance(data, ChannelData) else [(data.asbytes(), b"")]
        with self._writing:
            if self._out is not None:
                self._send_sealed(self._out, parts)
                return
        for head, body in parts:
            super().send_message(Message(b"".join((head, body))))

    def _send_sealed(
        self, cipher: _Cipher, parts: Iterable[tuple[bytes, bytes | memoryview]]
    ) -> None:
        packets: list[bytes] = []
        # The cipher hides it already; asking for each packet takes as long as sealing it.
        filler = os.urandom(_MAX_PADDING_BYTES)
        for head, body in parts:
            size = len(head) + len(body)
            # At least four bytes of it, to whole blocks.
            padding = 3 + _BLOCK_BYTES - (size + 4) % _BLOCK_BYTES
            length = (1 + size + padding).to_bytes(_LENGTH_BYTES, "big")
            plain = b"".join((bytes((padding,)), head, body, filler[:padding]))
            packets += (length, cipher.seal(plain, length))
        self._write_all(packets)
        if cipher.bytes_done >= self.REKEY_BYTES:
            self._ask_for_keys()

    def _write_all(self, packets: Sequence[bytes]) -> None:
        """Send all of it from where it is: one piece of memory for all would be a fresh one."""
        rest = [memoryview(packet) for packet in packets]
        while rest:
            try:
                count = self._stream.sendmsg(rest)
            except (OSError, AttributeError):
                # Paramiko knows when to try again; and not everything below us is a socket.
                self.write_all(memoryview(b"".join(rest)))
                return
            while rest and count >= len(rest[0]):
                count -= len(rest.pop(0))
            if rest:
                rest[0] = rest[0][count:]

    def read_message(self) -> tuple[int, Message]:
        """The next packet's kind and content; ``NeedRekeyException`` when it is time for that."""
        if self._in is None:
            taken: tuple[int, Message] = super().read_message()
            return taken
        while self._in is not None:
            plain, end = self._open_packet(self._in)
            if plain[1] != MSG_CHANNEL_DATA or not self._is_collected(plain, end):
                break
            if self.need_rekey():
                # Only whoever called us can begin with that.
                self._deliver()
                raise NeedRekeyException
        self._deliver()
        message = Message(plain[2:end])
        message.seqno = self._received_packets - 1
        return plain[1], message

    def _open_packet(self, cipher: _Cipher) -> tuple[bytes, int]:
        """The next packet, and where the padding at its end begins."""
        length = self._take(_LENGTH_BYTES, is_first=True)
        size = int.from_bytes(length, "big")
        if size % _BLOCK_BYTES or not 0 < size <= _MAX_PACKET_BYTES:
            raise SSHException(f"a packet of {size} bytes")
        plain = cipher.open(self._take(size + _TAG_BYTES), length)
        end = size - plain[0]
        if end < 2:
            raise SSHException("a packet of padding only")
        self._count(cipher)
        self._received_packets += 1
        return plain, end

    def _is_collected(self, plain: bytes, end: int) -> bool:
        """Keep what came for a channel that has a sink; deliver it when there is no more at once.

        Waking up who waits for it, for each packet, would take longer than all else.
        """
        head = 1 + _DATA_HEAD.size
        if end < head:
            return False
        _, channel, size = _DATA_HEAD.unpack_from(plain, 1)
        sink = self._sinks.get(channel)
        if sink is None or head + size > end:
            return False
        self._is_starting = False
        self._collected.setdefault(channel, []).append(plain[head : head + size])
        return True

    def _deliver(self) -> None:
        collected, self._collected = self._collected, {}
        for channel, pieces in collected.items():
            sink = self._sinks.get(channel)
            if sink:
                sink(pieces)

    def _count(self, cipher: _Cipher) -> None:
        """Ask for new keys when it is time; whoever does not listen is left."""
        if not self.need_rekey():
            if cipher.bytes_done >= self.REKEY_BYTES:
                self._ask_for_keys()
        elif cipher.bytes_done - self._asked_at_bytes >= self.REKEY_BYTES_OVERFLOW_MAX:
            raise SSHException("the other side does not change its keys")

    def _ask_for_keys(self) -> None:
        if not self.need_rekey():
            self._asked_at_bytes = self._in.bytes_done if self._in else 0
            self._trigger_rekey()

    def _take(self, count: int, *, is_first: bool = False) -> bytes:
        """So many bytes; what was received beyond them is held for the next packets."""
        if len(self._held) - self._taken < count:
            pieces = [self._held[self._taken :]]
            held = len(pieces[0])
            while held < count:
                pieces.append(self._receive(is_between=is_first and not held))
                held += len(pieces[-1])
            self._held, self._taken = b"".join(pieces), 0
        self._taken += count
        return self._held[self._taken - count : self._taken]

    def _receive(self, *, is_between: bool) -> bytes:
        """Some bytes; between two packets is the time to change keys and to show that we live."""
        self._deliver()
        if self._is_starting:
            _acknowledge(self._stream)
        while not self.handshake_timed_out():
            try:
                received: bytes = self._stream.recv(_READ_BYTES)
            except OSError as error:
                if not isinstance(error, TimeoutError) and error.errno != errno.EAGAIN:
                    if self.closed:
                        raise EOFError from error
                    raise
            else:
                if not received:
                    raise EOFError
                return received
            if self.closed:
                raise EOFError
            if is_between and self.need_rekey():
                raise NeedRekeyException
            self._check_keepalive()
        raise EOFError


def _acknowledge(stream: Any) -> None:
    """Tell the other side at once what has arrived.

    Until its first program runs, sshd holds a packet back while one before it is on its way (RFC
    896), and the kernel would keep it waiting for 40 ms.
    """
    # Not everything below us is a socket of TCP.
    with contextlib.suppress(OSError, AttributeError):
        stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)


def _our_cipher(engine: Any, start: Any) -> _Cipher | None:
    """None for what we do not know to be AES-GCM: paramiko does the rest."""
    is_ours = isinstance(engine, AESGCM) and isinstance(start, bytes) and len(start) == _START_BYTES
    return _Cipher(engine, start) if is_ours else None

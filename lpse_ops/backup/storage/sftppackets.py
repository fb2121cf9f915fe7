"""The messages of SFTP version 3 (draft-ietf-secsh-filexfer-02), as bytes.

What a server sends is believed only as far as it can be read: lengths are bounded, and a message
that is cut or too long is ``BadAnswer``.
"""

import stat
import struct
from collections.abc import Iterator
from enum import IntEnum
from typing import NamedTuple

VERSION = 3
# OpenSSH's own limit is 256 KiB; nobody needs more.
MAX_MESSAGE_BYTES = 1 << 20
_HEAD = struct.Struct(">IBI")
_U32, _U64 = struct.Struct(">I"), struct.Struct(">Q")
_HAS_SIZE, _HAS_OWNER, _HAS_MODE, _HAS_TIMES, _HAS_MORE = 1, 2, 4, 8, 0x80000000
_SHOWN_CHARACTERS = 200


class Ask(IntEnum):
    """What a client may send."""

    INIT = 1
    OPEN = 3
    CLOSE = 4
    READ = 5
    WRITE = 6
    FSTAT = 8
    OPENDIR = 11
    READDIR = 12
    REMOVE = 13
    MKDIR = 14
    STAT = 17
    RENAME = 18
    EXTENDED = 200


class Say(IntEnum):
    """What a server may answer."""

    VERSION = 2
    STATUS = 101
    HANDLE = 102
    DATA = 103
    NAME = 104
    ATTRS = 105
    EXTENDED = 201


class Status(IntEnum):
    OK = 0
    EOF = 1
    NO_SUCH_FILE = 2
    PERMISSION_DENIED = 3
    FAILURE = 4
    UNSUPPORTED = 8


class Open(IntEnum):
    """Flags of ``Ask.OPEN``."""

    READ = 1
    WRITE = 2
    CREATE = 8
    EXCLUSIVE = 32


class BadAnswer(Exception):
    """The server said what is no SFTP."""


class Answer(NamedTuple):
    """One message: its kind, the number of the request, and the rest."""

    kind: int
    number: int
    body: memoryview


class Attributes(NamedTuple):
    """What a server told of a file; None is what it did not tell."""

    size: int | None
    mode: int | None
    modified: int | None

    @property
    def is_file(self) -> bool:
        return self.mode is None or stat.S_ISREG(self.mode)

    @property
    def is_certain(self) -> bool:
        """Whether these are the attributes of the file itself, with a size, and of no link."""
        return self.size is not None and self.mode is not None and not stat.S_ISLNK(self.mode)


class Name(NamedTuple):
    """One entry of a folder; the name is any bytes at all."""

    name: bytes
    attributes: Attributes


def request(kind: Ask, number: int, *fields: bytes | memoryview) -> bytes:
    """A whole message; for ``INIT`` the number is the version."""
    size = 5 + sum(map(len, fields))
    return b"".join((_HEAD.pack(size, kind, number), *fields))


def text(value: bytes | memoryview) -> bytes:
    """A string as the fields of a request hold it."""
    return b"".join((_U32.pack(len(value)), value))


def u32(value: int) -> bytes:
    return _U32.pack(value)


def u64(value: int) -> bytes:
    return _U64.pack(value)


def attributes(mode: int | None = None) -> bytes:
    """The attributes that go with a new file or folder."""
    return _U32.pack(0) if mode is None else _U32.pack(_HAS_MODE) + _U32.pack(mode)


class Fields:
    """Takes the fields of a message apart, one after the other."""

    def __init__(self, body: memoryview) -> None:
        self._rest = body

    @property
    def is_at_end(self) -> bool:
        return not self._rest

    def take(self, count: int) -> memoryview:
        if count > len(self._rest):
            raise BadAnswer("a message is cut off")
        taken, self._rest = self._rest[:count], self._rest[count:]
        return taken

    def u32(self) -> int:
        return int(_U32.unpack(self.take(4))[0])

    def u64(self) -> int:
        return int(_U64.unpack(self.take(8))[0])

    def text(self) -> memoryview:
        return self.take(self.u32())

    def attributes(self) -> Attributes:
        flags = self.u32()
        size = self.u64() if flags & _HAS_SIZE else None
        if flags & _HAS_OWNER:
            self.take(8)
        mode = self.u32() if flags & _HAS_MODE else None
        modified = (self.u32(), self.u32())[1] if flags & _HAS_TIMES else None
        if flags & _HAS_MORE:
            for _ in range(self.u32()):
                self.text(), self.text()
        return Attributes(size, mode, modified)


def parse_status(body: memoryview) -> tuple[int, str]:
    """The code and what the server said with it, harmless to print."""
    fields = Fields(body)
    code = fields.u32()
    # Servers of version 2 and some of today say nothing more.
    said = b"" if fields.is_at_end else bytes(fields.text()[: 4 * _SHOWN_CHARACTERS])
    return code, tame(said)


def parse_names(body: memoryview) -> Iterator[Name]:
    """The entries of one answer to ``READDIR``; never none at all, which would have no end."""
    fields = Fields(body)
    count = fields.u32()
    if not count:
        raise BadAnswer("a part of a folder is empty")
    for _ in range(count):
        name = bytes(fields.text())
        fields.text()
        yield Name(name, fields.attributes())


def parse_extensions(body: memoryview) -> dict[bytes, bytes]:
    """What a server offers beyond version 3, from its ``VERSION``."""
    fields = Fields(body)
    found: dict[bytes, bytes] = {}
    while not fields.is_at_end:
        name = bytes(fields.text())
        found[name] = bytes(fields.text())
    return found


def tame(said: bytes) -> str:
    """What another machine said, as something short and harmless to print."""
    shown = said.decode("utf-8", "replace").strip()
    return "".join(char if char.isprintable() else " " for char in shown)[:_SHOWN_CHARACTERS]


class Incoming:
    """Cuts a stream of bytes into messages."""

    def __init__(self) -> None:
        self._held = memoryview(b"")
        self._pieces: list[bytes] = []
        self._count = 0
        # How many bytes must be there before it is worth a look.
        self._wanted = 4

    def feed(self, received: bytes) -> None:
        self._pieces.append(received)
        self._count += len(received)

    def next(self) -> Answer | None:
        """The next whole message, or None when there is none yet."""
        while len(self._held) + self._count >= self._wanted:
            if self._pieces:
                self._held = memoryview(b"".join((self._held, *self._pieces)))
                self._pieces, self._count = [], 0
            if len(self._held) < self._wanted:
                return None
            size = int(_U32.unpack_from(self._held)[0])
            if not _HEAD.size - 4 <= size <= MAX_MESSAGE_BYTES:
                raise BadAnswer(f"a message of {size} bytes")
            self._wanted = 4 + size
            if len(self._held) >= self._wanted:
                _, kind, number = _HEAD.unpack_from(self._held)
                body = self._held[_HEAD.size : self._wanted]
                self._held, self._wanted = self._held[self._wanted :], 4
                return Answer(kind, number, body)
        return None

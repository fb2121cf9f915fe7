"""The pieces of what a host tells of its files: numbers, names, status; none is believed as it is.

The writer is ``lpse_ops.agent.backuplooks``.  All that is wrong is a ``HostAnswerError``.
"""

import os
import stat
import struct
import zlib
from collections.abc import Mapping
from dataclasses import dataclass

from lpse_ops.backup.localsource import NOT_REGULAR
from lpse_ops.backup.node import XAttrs

_STATUS = struct.Struct(">IQQQQIIQqIqI")
_BLOCK = struct.Struct(">cIIHII")
_SHORT = struct.Struct(">H")
_NUMBER = struct.Struct(">I")
_XATTRS_FAILED = 0xFFFF
_XATTRS_TOO_LARGE = 0xFFFE
_SECOND = 1_000_000_000
_MAX_SIZE = 1 << 63
_MAX_ERROR = 4095
_KINDS = frozenset(
    (
        stat.S_IFREG,
        stat.S_IFDIR,
        stat.S_IFLNK,
        stat.S_IFBLK,
        stat.S_IFCHR,
        stat.S_IFIFO,
        stat.S_IFSOCK,
    )
)
_MODES = 0o177777
# Names of users and groups are short; what is longer is cut off by nobody and refused.
_MAX_OWNER_BYTES = 256
_MAX_OWNERS = 1 << 16
# Longer than any file system has, and all of a path at most.
_MAX_NAME_BYTES = 4096


class HostAnswerError(ValueError):
    """An answer is not what an agent says; the text says why."""


@dataclass
class Entry:
    """What is told of one name; ``xattrs`` is None where they must be asked for alone."""

    status: os.stat_result | OSError
    xattrs: XAttrs | OSError | None = ()
    target: bytes | OSError = b""


@dataclass(frozen=True)
class Owners:
    """Names that the host has for numbers; empty where it has none."""

    users: Mapping[int, str]
    groups: Mapping[int, str]


def os_error(number: object, path: bytes) -> OSError:
    """The error that the host met, as if it had been met here; 0 is what is no file any more."""
    if type(number) is not int or not 0 <= number <= _MAX_ERROR:
        raise HostAnswerError("an error that is no number")
    if not number:
        return OSError(0, NOT_REGULAR)
    return OSError(number, os.strerror(number), path)


def unpack(content: bytes, limit: int) -> memoryview:
    """Undo the compression; refuse what would be larger than the limit."""
    unpacker = zlib.decompressobj()
    try:
        unpacked = unpacker.decompress(content, limit)
    except zlib.error as error:
        raise HostAnswerError("an answer that cannot be decompressed") from error
    if not unpacker.eof or unpacker.unused_data:
        raise HostAnswerError("an answer that is torn or too large")
    return memoryview(unpacked)


class AnswerReader:
    """Reads from the start on; never past the end."""

    def __init__(self, content: memoryview) -> None:
        self._content = content
        self._position = 0

    @property
    def is_at_end(self) -> bool:
        return self._position == len(self._content)

    def end(self) -> None:
        if not self.is_at_end:
            raise HostAnswerError("more than it was asked for")

    def byte(self) -> bytes:
        """The next byte, which is not yet taken when it begins a folder."""
        if self._position >= len(self._content):
            raise HostAnswerError("an answer without an end")
        return bytes(self._content[self._position : self._position + 1])

    def block(self) -> tuple[int, int, int, int, int]:
        _, above, number, error, names, entries = self._unpack(_BLOCK)
        return above, number, error, names, entries

    def short(self) -> int:
        (number,) = self._unpack(_SHORT)
        return int(number)

    def name(self) -> bytes:
        name = self.text()
        if not 0 < len(name) <= _MAX_NAME_BYTES or name in (b".", b".."):
            raise HostAnswerError("a name that no file can have")
        if b"/" in name or b"\0" in name:
            raise HostAnswerError("a name that no file can have")
        return name

    def text(self) -> bytes:
        return self._take(self.short())

    def entry(self, path: bytes) -> Entry:
        error = self.short()
        if error:
            return Entry(os_error(error, path))
        status = self.status()
        target: bytes | OSError = b""
        if stat.S_ISLNK(status.st_mode):
            failed = self.short()
            target = os_error(failed, path) if failed else self._target()
        return Entry(status, self.xattrs(path), target)

    def status(self) -> os.stat_result:
        (
            mode,
            links,
            inode,
            device,
            device_of,
            uid,
            gid,
            size,
            mtime,
            mtime_ns,
            ctime,
            ctime_ns,
        ) = self._unpack(_STATUS)
        if (
            mode > _MODES
            or stat.S_IFMT(mode) not in _KINDS
            or size >= _MAX_SIZE
            or mtime_ns >= _SECOND
            or ctime_ns >= _SECOND
        ):
            raise HostAnswerError("a status that no file can have")
        return os.stat_result(
            (mode, inode, device, links, uid, gid, size, mtime, mtime, ctime),
            {
                "st_mtime_ns": mtime * _SECOND + mtime_ns,
                "st_ctime_ns": ctime * _SECOND + ctime_ns,
                "st_rdev": device_of,
            },
        )

    def xattrs(self, path: bytes) -> XAttrs | OSError | None:
        count = self.short()
        if count == _XATTRS_TOO_LARGE:
            return None
        if count == _XATTRS_FAILED:
            return os_error(self.short() or _MAX_ERROR + 1, path)
        return tuple([(self.text(), self._take(self._number())) for _ in range(count)])

    def owners(self) -> Owners:
        """What stands at the end of an answer."""
        if self._take(1) != b"E":
            raise HostAnswerError("an answer without an end")
        owners = Owners(self._owner_names(), self._owner_names())
        self.end()
        return owners

    def _owner_names(self) -> dict[int, str]:
        found = {}
        count = self._number()
        if count > _MAX_OWNERS:
            raise HostAnswerError("more owners than there can be")
        for _ in range(count):
            number, name = self._number(), self.text()
            if len(name) > _MAX_OWNER_BYTES:
                raise HostAnswerError("an owner's name that is too long")
            found[number] = os.fsdecode(name)
        return found

    def _target(self) -> bytes:
        target = self.text()
        if not target or b"\0" in target:
            raise HostAnswerError("a link to nothing")
        return target

    def _number(self) -> int:
        (number,) = self._unpack(_NUMBER)
        return int(number)

    def _unpack(self, layout: struct.Struct) -> tuple[int, ...]:
        try:
            values = layout.unpack_from(self._content, self._position)
        except struct.error as error:
            raise HostAnswerError("an answer that ends too soon") from error
        self._position += layout.size
        return values

    def _take(self, size: int) -> bytes:
        start, self._position = self._position, self._position + size
        if self._position > len(self._content):
            raise HostAnswerError("an answer that ends too soon")
        return bytes(self._content[start : self._position])

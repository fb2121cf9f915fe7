"""Reads this host's files for a backup, and says whether they stayed as they were meanwhile.

The rules are those of ``lpse_ops.backup.localsource`` and ``lpse_ops.backup.worker``.
Runs on the managed host: standard library and ``lpse_ops.agent`` only, Python 3.6.
"""

import contextlib
import errno
import io
import os
import stat
import struct
import time
from typing import Any, Callable, Iterator, List, NamedTuple, Tuple

from lpse_ops.agent.backuplooks import SHORT, XATTRS_TOO_LARGE, pack_xattrs

# Size, inode, mtime and ctime in nanoseconds, length of the path that follows.
_ITEM = struct.Struct("<IQqqH")
# Read and plain, with extended attributes, or not as it looked.
PLAIN = "0"
HAS_XATTRS = "1"
READ_AGAIN = "2"
_OPEN = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_TICK_SECONDS = 0.02
# What is told of the attributes of all files of a batch; the others are read one by one.
_XATTR_BYTES = 256 * 1024
_MAX_BATCH_BYTES = 64 * 1024 * 1024
# A file that has grown by more while it was read may never end.
_MAX_GROWTH_BYTES = 16 * 1024 * 1024


class Expected(NamedTuple):
    """A file as it looked."""

    size: int
    inode: int
    mtime_ns: int
    ctime_ns: int


class Batch(NamedTuple):
    """What was read: a flag for each file; ``content`` has those that were as they looked."""

    flags: str
    content: memoryview
    xattrs: bytes


class Growing(io.RawIOBase):
    """An open file that may grow while it is read, but not for ever."""

    def __init__(self, descriptor: int, size_bytes: int) -> None:
        super().__init__()
        self._descriptor = descriptor
        self._left = size_bytes + _MAX_GROWTH_BYTES

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill a buffer; 0 at the end.  ``OSError`` where nothing is there yet."""
        count = os.readv(self._descriptor, [memoryview(buffer)[: self._left]])
        self._left -= count
        return count


class NotRegular(OSError):
    """What was a file is none any more; has no number."""


def outlast_tick(
    ctime_ns: int,
    now: Callable[[], float] = time.time,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Wait, if a file has changed this very moment, until a further change would show."""
    age = now() - ctime_ns / 1e9
    if 0 <= age < _TICK_SECONDS:
        sleep(_TICK_SECONDS - age)


@contextlib.contextmanager
def opened(path: bytes) -> Iterator[int]:
    """A descriptor that follows no link, waits for no fifo, and reads without a trace if it can."""
    try:
        descriptor = os.open(path, _OPEN | os.O_NOATIME)
    except PermissionError:
        descriptor = os.open(path, _OPEN)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def status_before(descriptor: int) -> os.stat_result:
    """The status of a file from which on every change would show."""
    outlast_tick(os.fstat(descriptor).st_ctime_ns)
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        raise NotRegular()
    return status


def read_start(path: bytes, size: int) -> bytes:
    """The first bytes of a file, through links."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        return os.read(descriptor, size)
    finally:
        os.close(descriptor)


def parse_items(request: bytes) -> List[Tuple[bytes, Expected]]:
    """Paths, and how each file looked."""
    found = []
    position = 0
    while position < len(request):
        size, inode, mtime_ns, ctime_ns, length = _ITEM.unpack_from(request, position)
        position += _ITEM.size + length
        path = request[position - length : position]
        found.append((path, Expected(size, inode, mtime_ns, ctime_ns)))
    return found


def read_batch(items: List[Tuple[bytes, Expected]]) -> Batch:
    """Read files one behind the other, as long as they are what they looked like."""
    total = sum(expected.size for _, expected in items)
    if total > _MAX_BATCH_BYTES:
        raise ValueError(f"a batch of {total} bytes")
    # One spare byte at the end: a file that grew must not look whole.
    room = memoryview(bytearray(total + 1))
    flags: List[str] = []
    xattrs = bytearray()
    fill = 0
    for number, (path, expected) in enumerate(items):
        flag, packed = _read_file(path, room[fill : fill + expected.size + 1], expected)
        if flag == HAS_XATTRS:
            if len(xattrs) + len(packed) > _XATTR_BYTES:
                flag = READ_AGAIN
            else:
                xattrs += SHORT.pack(number) + packed
        flags.append(flag)
        if flag != READ_AGAIN:
            fill += expected.size
    return Batch("".join(flags), room[:fill], bytes(xattrs))


def _read_file(path: bytes, room: memoryview, expected: Expected) -> Tuple[str, bytes]:
    outlast_tick(expected.ctime_ns)
    try:
        with opened(path) as descriptor:
            count = os.readv(descriptor, [room])
            after = os.fstat(descriptor)
            if count != expected.size or _looks(after) != expected:
                return READ_AGAIN, b""
            packed = pack_xattrs(descriptor, _XATTR_BYTES)
            if packed == SHORT.pack(XATTRS_TOO_LARGE):
                return READ_AGAIN, b""
            return (HAS_XATTRS if packed != SHORT.pack(0) else PLAIN), packed
    except OSError:
        return READ_AGAIN, b""


def _looks(status: os.stat_result) -> Expected:
    return Expected(status.st_size, status.st_ino, status.st_mtime_ns, status.st_ctime_ns)


def error_number(error: OSError) -> int:
    """What the other side makes the same error of; 0 for ``NotRegular``."""
    return 0 if isinstance(error, NotRegular) else error.errno or errno.EIO

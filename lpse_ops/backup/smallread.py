"""Reads a batch of small files in a worker.

What the kernel has in memory is read at once.  The rest is asked for and read a little later, so
that a disk, which answers many questions nearly as soon as one, is never waited for file by file.
"""

import hashlib
import os
from collections import deque
from typing import NamedTuple

from lpse_ops.backup import workmemory as wm
from lpse_ops.backup.localsource import open_file, outlast_tick

# Files that are open and on their way from the disk.
_ON_THEIR_WAY = 32
_NO_ID = bytes(32)
# Not every build of Python knows it; without, everything is read at once.
_WITHOUT_WAITING = getattr(os, "RWF_NOWAIT", 0)


# How a file had looked: size in bytes, inode, times of modification and of change.
Look = tuple[int, int, int, int]


class _Late(NamedTuple):
    """An open file that is on its way from the disk."""

    place: int
    descriptor: int
    room: memoryview
    expected: Look


class Reading:
    """Reads open files, each into its room; ``flags`` and ``ids`` tell of all, in order."""

    def __init__(self) -> None:
        # What is one byte longer than it was does not look whole, and its neighbour stays whole.
        self._spare = bytearray(1)
        self._waiting: deque[_Late] = deque()
        self.flags = bytearray()
        self.ids: list[bytes] = []

    def pass_over(self) -> None:
        """The next file is not read here."""
        self.flags.append(wm.READ_AGAIN)
        self.ids.append(_NO_ID)

    def start(self, descriptor: int, room: memoryview, expected: Look) -> None:
        """Read the next file, at once or later, and close it."""
        place = len(self.flags)
        self.pass_over()
        try:
            count = os.preadv(descriptor, (room, self._spare), 0, _WITHOUT_WAITING)
        except OSError:  # not in memory, or nobody can tell
            count = -1
        if count == expected[0]:
            self._finish(place, descriptor, room, expected)
            return
        _ask_for(descriptor)
        self._waiting.append(_Late(place, descriptor, room, expected))
        if len(self._waiting) > _ON_THEIR_WAY:
            self._read_late(self._waiting.popleft())

    def settle(self) -> None:
        """Until all are read."""
        while self._waiting:
            self._read_late(self._waiting.popleft())

    def _read_late(self, file: _Late) -> None:
        try:
            count = os.preadv(file.descriptor, (file.room, self._spare), 0)
        except OSError:
            count = -1
        if count == file.expected[0]:
            self._finish(*file)
        else:
            os.close(file.descriptor)

    def _finish(self, place: int, descriptor: int, room: memoryview, expected: Look) -> None:
        """It was read: say so if it is still what it was."""
        try:
            if expected == look_of(os.fstat(descriptor)):
                self.flags[place] = wm.HAS_XATTRS if _may_have_xattrs(descriptor) else wm.PLAIN
                self.ids[place] = hashlib.sha256(room).digest()
        except OSError:
            return
        finally:
            os.close(descriptor)


class SmallReads:
    """Reads the files of one request into ``content``, one behind the other."""

    def __init__(self, content: memoryview) -> None:
        self._content = content

    def read(self, request: bytes, position: int) -> bytes:
        """A flag for each file of the request from ``position`` on, then an id for each."""
        reading = Reading()
        fill = 0
        while position < len(request):
            *look, length = wm.READ_ITEM.unpack_from(request, position)
            position += wm.READ_ITEM.size
            path = request[position : position + length]
            position += length
            size, inode, mtime_ns, ctime_ns = look
            outlast_tick(ctime_ns)
            try:
                descriptor = open_file(path)
            except OSError:
                reading.pass_over()
            else:
                room = self._content[fill : fill + size]
                reading.start(descriptor, room, (size, inode, mtime_ns, ctime_ns))
            fill += size
        reading.settle()
        return bytes(reading.flags) + b"".join(reading.ids)


def look_of(status: os.stat_result) -> Look:
    return status.st_size, status.st_ino, status.st_mtime_ns, status.st_ctime_ns


def _ask_for(descriptor: int) -> None:
    try:
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_WILLNEED)
    except OSError:
        return  # a fifo, which the late reading will find out


def _may_have_xattrs(descriptor: int) -> bool:
    try:
        return bool(os.listxattr(descriptor))
    except OSError:  # the main process knows what to make of it
        return True

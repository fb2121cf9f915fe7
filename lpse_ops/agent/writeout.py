"""A large file goes to the disk while more of it comes, and does not stay in memory.

Runs on the managed host: standard library only, Python 3.6.

The sync at its end is short then, and the memory that the kernel gives for the file is the same
again and again.  Without this a copy of gigabytes takes the memory in which the host's database has
its files, and where memory has to be fetched first, as on a virtual machine, that takes longer than
all else.
"""

import collections
import contextlib
import os
from typing import IO, Any, Deque, Tuple

# So much is left to the kernel's own judgement.
_LEFT_ALONE_BYTES = 16 << 20
# When so many more pieces have come, a piece has been written away.
_PIECES_UNDER_WAY = 4


class WriteOut:
    """Writes to a file; says of what is written that it is not needed in memory.

    The first word makes the kernel begin to write it away, the second one, later, lets go of it;
    nobody waits for either.  What goes wrong is told by the sync at the end.
    """

    def __init__(self, file: IO[bytes], every_bytes: int = _LEFT_ALONE_BYTES) -> None:
        self._file = file
        self._every_bytes = every_bytes
        self._told = self._written = 0
        self._under_way: Deque[Tuple[int, int]] = collections.deque()

    def write(self, piece: Any) -> int:
        count = self._file.write(piece)
        self._written += count
        if self._written - self._told >= self._every_bytes:
            self._under_way.append((self._told, self._written - self._told))
            self._advise(*self._under_way[-1])
            self._told = self._written
            if len(self._under_way) > _PIECES_UNDER_WAY:
                self._advise(*self._under_way.popleft())
        return count

    def fileno(self) -> int:
        """For a program that writes to the file itself."""
        return self._file.fileno()

    def _advise(self, start: int, size: int) -> None:
        # No more than advice: not every file system takes it.
        with contextlib.suppress(OSError):
            os.posix_fadvise(self._file.fileno(), start, size, os.POSIX_FADV_DONTNEED)

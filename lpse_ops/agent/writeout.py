"""A large file goes to the disk while more of it comes, so that the sync at its end is short.

Runs on the managed host: standard library only, Python 3.6.
"""

import contextlib
import os
from typing import IO, Any

# So much is left to the kernel's own judgement.
_LEFT_ALONE_BYTES = 16 << 20


class WriteOut:
    """Writes to a file; says of what is written that it is not needed in memory.

    The kernel then begins to write it away, and nobody waits for that: a sync in between would.
    What goes wrong is told by the sync at the end.
    """

    def __init__(self, file: IO[bytes], every_bytes: int = _LEFT_ALONE_BYTES) -> None:
        self._file = file
        self._every_bytes = every_bytes
        self._told = self._written = 0

    def write(self, piece: Any) -> int:
        count = self._file.write(piece)
        self._written += count
        if self._written - self._told >= self._every_bytes:
            size = self._written - self._told
            # No more than advice: not every file system takes it.
            with contextlib.suppress(OSError):
                os.posix_fadvise(self._file.fileno(), self._told, size, os.POSIX_FADV_DONTNEED)
            self._told = self._written
        return count

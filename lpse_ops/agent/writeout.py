"""A large file goes to the disk while more of it comes, so that the sync at its end is short.

Runs on the managed host: standard library only, Python 3.6.
"""

import os
import threading
from typing import IO, Any, Optional

# So much is left to the kernel's own judgement.
_LEFT_ALONE_BYTES = 64 << 20


class WriteOut:
    """Writes to a file, and has it synced from time to time by a thread; see ``finish``."""

    def __init__(self, file: IO[bytes], every_bytes: int = _LEFT_ALONE_BYTES) -> None:
        self._file = file
        self._every_bytes = every_bytes
        self._unsynced = 0
        self._over = False
        self._wanted = threading.Event()
        self._thread: Optional[threading.Thread] = None
        self._problem: Optional[OSError] = None

    def write(self, piece: Any) -> int:
        self._unsynced += len(piece)
        if self._unsynced >= self._every_bytes:
            self._unsynced = 0
            if self._thread is None:
                self._thread = threading.Thread(target=self._sync, daemon=True)
                self._thread.start()
            self._wanted.set()
        return self._file.write(piece)

    def finish(self) -> None:
        """Let the thread end; ``OSError`` if what it synced could not be written.

        The kernel tells that only once, so a sync afterwards may know nothing of it.
        """
        self._over = True
        self._wanted.set()
        if self._thread:
            self._thread.join()
        if self._problem:
            raise self._problem

    def _sync(self) -> None:
        while True:
            self._wanted.wait()
            self._wanted.clear()
            if self._over:
                return
            try:
                os.fdatasync(self._file.fileno())
            except OSError as problem:
                self._problem = problem
                return

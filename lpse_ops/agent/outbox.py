"""Bytes on their way to a file descriptor that must never make the agent wait.

Runs on the managed host: standard library and ``lpse_ops.agent`` only, Python 3.6.
"""

import os
from collections import deque
from typing import Deque, Optional

_WRITE_BYTES = 1 << 18


class Outbox:
    """Keeps what the other side has not taken yet; the descriptor is closed with ``close``."""

    def __init__(self, fd: int) -> None:
        os.set_blocking(fd, False)
        self.fd: Optional[int] = fd
        self.waiting_bytes = 0
        self._pieces: Deque[memoryview] = deque()
        self._ends = False

    def add(self, content: bytes) -> None:
        """Write now what can be written; keep the rest."""
        if self.fd is None or self._ends or not content:
            return
        self._pieces.append(memoryview(content))
        self.waiting_bytes += len(content)
        self.flush()

    def end(self) -> None:
        """Close the descriptor once everything is written."""
        self._ends = True
        self.flush()

    def flush(self) -> None:
        """Write until all is gone or the other side takes no more; a broken pipe drops it all."""
        try:
            while self._pieces and self.fd is not None:
                self._written(os.write(self.fd, self._pieces[0][:_WRITE_BYTES]))
        except BlockingIOError:
            return
        except OSError:
            self.close()
        if self._ends:
            self.close()

    def close(self) -> None:
        if self.fd is not None:
            os.close(self.fd)
        self.fd = None
        self._pieces.clear()
        self.waiting_bytes = 0

    def _written(self, count: int) -> None:
        self.waiting_bytes -= count
        rest = self._pieces.popleft()[count:]
        if rest:
            self._pieces.appendleft(rest)

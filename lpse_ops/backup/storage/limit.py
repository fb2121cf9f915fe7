"""Holds a destination to its rate, so that a backup leaves the office its line.

A wrapper around any backend.  One that can send and fetch in pieces (``Paced``) is held to the
rate within a file, so that a new hour counts at once; any other before or after a whole file.
Belongs below a cache: what is read from the local disk is not on the line.
"""

import threading
import time
from collections.abc import Callable
from typing import Protocol, runtime_checkable

from lpse_ops.backup.crypto import Buffer
from lpse_ops.backup.storage.backend import Backend
from lpse_ops.backup.storage.transferlimit import TransferLimit, rate_at
from lpse_ops.backup.storage.wrapper import BackendWrapper
from lpse_ops.clock import Clock

# What goes at once.  Small enough that a slow line is not blocked for others.
_PIECE_BYTES = 16 * 1024
# The hour, or the clock, may change while somebody waits.
_LONGEST_SLEEP_SECONDS = 1.0
# No clock wakes anybody up sooner; what is owed then is not forgotten.
_SHORTEST_SLEEP_SECONDS = 0.001

# Called with a number of bytes before they go; returns when they may.
Pace = Callable[[int], None]


@runtime_checkable
class Paced(Protocol):
    """A backend that calls ``pace`` for each piece of a file, in any thread."""

    pace: Pace


class TokenBucket:
    """A ``Pace`` that all threads of a destination share.

    Counts what was let through and not yet earned; the clock may jump, which never makes anybody
    wait longer than what is owed.
    """

    def __init__(
        self, limit: TransferLimit, clock: Clock, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._limit = limit
        self._clock = clock
        self._sleep = sleep
        self._lock = threading.Lock()
        self._owed_bytes = 0.0
        self._looked_at = clock.now().timestamp()

    def __call__(self, n_bytes: int) -> None:
        """Wait until so many bytes may go."""
        while n_bytes > 0:
            piece = min(n_bytes, _PIECE_BYTES)
            while wait_seconds := self._take(piece):
                self._sleep(min(wait_seconds, _LONGEST_SLEEP_SECONDS))
            n_bytes -= piece

    def _take(self, n_bytes: int) -> float:
        """Let a piece go and return 0, or say how long it has to wait at the present rate."""
        with self._lock:
            now = self._clock.now()
            rate = rate_at(self._limit, now)
            elapsed = max(0.0, now.timestamp() - self._looked_at)
            self._looked_at = now.timestamp()
            if rate is None:
                self._owed_bytes = 0.0
                return 0.0
            self._owed_bytes = max(0.0, self._owed_bytes - elapsed * rate)
            if self._owed_bytes / rate < _SHORTEST_SLEEP_SECONDS:
                self._owed_bytes += n_bytes
                return 0.0
            return self._owed_bytes / rate


class LimitedBackend(BackendWrapper):
    """Passes the contract of ``Backend``; threads share the rate, listings are free."""

    def __init__(
        self,
        inner: Backend,
        limit: TransferLimit,
        clock: Clock,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        super().__init__(inner)
        self._pace: Pace = TokenBucket(limit, clock, sleep)
        self._is_paced = isinstance(inner, Paced)
        if isinstance(inner, Paced):
            inner.pace = self._pace

    def save(self, name: str, content: Buffer) -> None:
        if not self._is_paced:
            self._pace(memoryview(content).nbytes)
        self._inner.save(name, content)

    def load(self, name: str, offset: int = 0, length: int | None = None) -> bytes:
        if not self._is_paced and length is not None:
            self._pace(length)
        content = self._inner.load(name, offset, length)
        if not self._is_paced and length is None:
            self._pace(len(content))
        return content


def no_pace(_n_bytes: int) -> None:
    """The ``Pace`` of a destination without a limit."""

"""A repository that a thread opens and locks while a first backup begins.

Where there is neither a snapshot nor an index, nothing that is stored already can be relied on, so
that neither key nor lock is needed to walk through folders, to read files and to hash them.
Nothing is stored before both are there.
"""

import contextlib
import os
from collections.abc import Callable
from types import TracebackType
from typing import Self

from lpse_ops.backup.firstfiles import Beside
from lpse_ops.backup.repository import Repository
from lpse_ops.backup.storage.backend import Backend

# Opens and locks; what it enters ends with the block of the ``LateRepository``.
Open = Callable[[contextlib.ExitStack], Repository]
# Whoever was interrupted waits no longer for a line that is down; the lock of a process that is
# gone is known to be dead.
_PATIENCE_SECONDS = 10.0


class LateRepository:
    """``wake_fd`` becomes readable once ``result`` need not wait any more; for a ``with`` block."""

    def __init__(self, backend: Backend, open_it: Open) -> None:
        self.backend = backend
        self.wake_fd = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self._held = contextlib.ExitStack()

        def open_and_ring() -> Repository:
            try:
                return open_it(self._held)
            finally:
                os.eventfd_write(self.wake_fd, 1)

        self._opening = Beside(open_and_ring)

    def is_running(self) -> bool:
        """Whether ``result`` would have to wait."""
        return self._opening.is_running()

    def result(self) -> Repository:
        """The repository, opened and locked, or what went wrong."""
        return self._opening.result()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._opening.wait(_PATIENCE_SECONDS)
        if not self.is_running():
            os.close(self.wake_fd)
            self._held.__exit__(kind, error, trace)


def opened(repository: Repository | LateRepository) -> Repository:
    """The repository itself, once it is there."""
    return repository.result() if isinstance(repository, LateRepository) else repository

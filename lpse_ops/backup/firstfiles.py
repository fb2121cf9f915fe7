"""The first files of a repository in a place that is far: asked for at once, not one by one.

Whoever opens a repository needs ``config`` and a key file before anything else, and waits for each
as long as the line is long.
"""

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

from lpse_ops.backup.openkey import KeyFiles, ensure_exists, find_key_files
from lpse_ops.backup.storage.backend import CONFIG, Backend, FileKind
from lpse_ops.errors import StorageError

Result = TypeVar("Result")

_COMMITS = (FileKind.SNAPSHOT, FileKind.INDEX)


class Beside(Generic[Result]):
    """Runs a function in a thread of its own, which is gone once ``result`` has returned."""

    def __init__(self, ask: Callable[[], Result]) -> None:
        self._ask = ask
        self._answers: list[Result] = []
        self._error: BaseException | None = None
        # Nobody who was interrupted waits for a line that is down.
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            self._answers.append(self._ask())
        except BaseException as error:  # raised again by ``result``
            self._error = error

    def is_running(self) -> bool:
        """Whether ``result`` would have to wait."""
        return self._thread.is_alive()

    def wait(self, seconds: float) -> None:
        """Until ``result`` need not wait any more, but no longer than so many seconds."""
        self._thread.join(seconds)

    def result(self) -> Result:
        """What the function returned, or what it raised."""
        self._thread.join()
        if self._error is not None:
            raise self._error
        return self._answers[0]


class FirstFiles:
    """``config`` and ``keys`` are on their way from the moment this is made."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self.config = Beside(lambda: backend.load(CONFIG))
        self.keys: Beside[KeyFiles] = Beside(lambda: find_key_files(backend))

    def ensure_exists(self) -> None:
        """``RepositoryMissing`` if there is no repository; raises whatever else is wrong, too."""
        try:
            self.config.result()
        except StorageError:
            # Says so in other words if nothing is there.
            ensure_exists(self._backend)
            raise


class FirstLook:
    """What a backup may know before it has a key: whether there is anything to rely on.

    Asked from the moment this is made.  Who is told that there is something looks again once he
    holds a lock; what cannot be listed counts as there.
    """

    def __init__(self, backend: Backend) -> None:
        self._locks = Beside(lambda: _is_any(backend, FileKind.LOCK))
        # One behind the other: for all but the first backup, the second would be for nothing.
        self._commits = Beside(lambda: any(_is_any(backend, each) for each in _COMMITS))

    def has_locks(self) -> bool:
        return self._locks.result()

    def is_new(self) -> bool:
        """Whether there is neither a snapshot nor an index."""
        return not self._commits.result()


def _is_any(backend: Backend, kind: FileKind) -> bool:
    try:
        return any(True for _ in backend.files(kind))
    except StorageError:
        return True

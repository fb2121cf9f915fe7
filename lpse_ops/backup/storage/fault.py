"""A backend that fails where a test wants it to, around any other backend.

With a plan that names no fault it behaves as the backend inside, and passes the same contract.
"""

from collections.abc import Callable, Iterator
from enum import Enum

from lpse_ops.backup.crypto import Buffer
from lpse_ops.backup.storage.backend import Backend, FileKind, StoredFile
from lpse_ops.errors import StorageError


class Fault(Enum):
    """What goes wrong with one operation."""

    STOP_BEFORE = "the program ends before the operation"
    STOP_AFTER = "the program ends after the operation"
    ERROR = "no space left on device"
    ERROR_AFTER = "done, but reported as failed"
    LOST = "reported as done, but not done"


class Stopped(BaseException):
    """The simulated end of the program; nothing may catch it and go on."""


# Told the operation's number from 0, its kind (save, remove, load, list) and the name.
Plan = Callable[[int, str, str], Fault | None]


def no_fault(_number: int, _operation: str, _name: str) -> None:
    return None


def fault_at(number: int, fault: Fault) -> Plan:
    """A plan with one fault, counted over the operations that change something."""
    return lambda count, _operation, _name: fault if count == number else None


class FaultBackend:
    """Counts changing operations (save, remove) only; loads and lists pass through."""

    def __init__(self, inner: Backend, plan: Plan = no_fault) -> None:
        self._inner = inner
        self._plan = plan
        self._is_stopped = False
        self.operations: list[tuple[str, str]] = []

    @property
    def location(self) -> str:
        return self._inner.location

    def prepare(self) -> None:
        self._inner.prepare()

    def exists(self, name: str) -> bool:
        self._refuse_if_stopped()
        return self._inner.exists(name)

    def save(self, name: str, content: Buffer) -> None:
        self._change("save", name, lambda: self._inner.save(name, content))

    def load(self, name: str, offset: int = 0, length: int | None = None) -> bytes:
        self._refuse_if_stopped()
        return self._inner.load(name, offset, length)

    def remove(self, name: str) -> None:
        self._change("remove", name, lambda: self._inner.remove(name))

    def files(self, kind: FileKind) -> Iterator[StoredFile]:
        self._refuse_if_stopped()
        return self._inner.files(kind)

    def remove_junk(self) -> None:
        self._refuse_if_stopped()
        self._inner.remove_junk()

    def _change(self, operation: str, name: str, act: Callable[[], None]) -> None:
        self._refuse_if_stopped()
        fault = self._plan(len(self.operations), operation, name)
        self.operations.append((operation, name))
        if fault is Fault.STOP_BEFORE:
            self._stop()
        if fault is Fault.ERROR:
            raise _error(name)
        if fault is not Fault.LOST:
            act()
        if fault is Fault.STOP_AFTER:
            self._stop()
        if fault is Fault.ERROR_AFTER:
            raise _error(name)

    def _stop(self) -> None:
        # Clean-up code that runs while the exception travels must not reach the disk either.
        self._is_stopped = True
        raise Stopped

    def _refuse_if_stopped(self) -> None:
        if self._is_stopped:
            raise Stopped


def _error(name: str) -> StorageError:
    return StorageError(
        f"cannot use {name}: {Fault.ERROR.value}", hint="free some space on the disk"
    )

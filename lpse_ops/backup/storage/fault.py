"""Backends that fail where a test wants them to, around any other backend.

With a plan that names no fault they behave as the backend inside, and pass the same contract.
What a command promises under each fault is in ``tests/backup/faultsweep.py``.
"""

import threading
from collections.abc import Callable, Iterator
from enum import Enum

from lpse_ops.backup.crypto import Buffer
from lpse_ops.backup.storage.backend import Backend, FileKind, StoredFile, file_name
from lpse_ops.backup.storage.wrapper import BackendWrapper
from lpse_ops.errors import FileMissing, StorageError


class Fault(Enum):
    """What goes wrong with one operation.  Only a change can be lost or arrive twice."""

    STOP_BEFORE = "the program ends before the operation"
    STOP_AFTER = "the program ends after the operation"
    ERROR = "no space left on device"
    EIO = "input/output error"
    TIMEOUT = "no answer in time"
    ERROR_AFTER = "no answer in time, though it was done"
    LOST = "reported as done, but not done"
    DUPLICATE = "done, and done again after the change that follows"
    DUPLICATE_LATE = "done, and done again when the program has ended"


_FAILS_BEFORE = {Fault.ERROR, Fault.EIO, Fault.TIMEOUT}
# What can go wrong with a load or a list.
READ_FAULTS = (Fault.STOP_BEFORE, Fault.EIO, Fault.TIMEOUT)


class Stopped(BaseException):
    """The simulated end of the program; nothing may catch it and go on."""


# Told the operation's number from 0, its kind (save, remove; load, list, exists) and the name.
Plan = Callable[[int, str, str], Fault | None]


def no_fault(_number: int, _operation: str, _name: str) -> None:
    return None


def fault_at(number: int, fault: Fault) -> Plan:
    """A plan with one fault."""
    return lambda count, _operation, _name: fault if count == number else None


def full_from(number: int) -> Plan:
    """A plan for a disk that is full from an operation on: nothing is saved any more."""
    return lambda count, operation, _name: (
        Fault.ERROR if count >= number and operation == "save" else None
    )


class FaultBackend(BackendWrapper):
    """Counts what changes something (save, remove) and what looks (load, list, exists) apart.

    ``plan`` decides about changes, ``looks`` about the others.
    """

    def __init__(self, inner: Backend, plan: Plan = no_fault, looks: Plan = no_fault) -> None:
        super().__init__(inner)
        self._plans = (plan, looks)
        self._is_stopped = False
        # Several threads change and look; each operation has a number of its own.
        self._mutex = threading.Lock()
        self._soon: list[Callable[[], None]] = []
        self._late: list[Callable[[], None]] = []
        self.operations: list[tuple[str, str]] = []
        self.looks: list[tuple[str, str]] = []

    def exists(self, name: str) -> bool:
        self._look("exists", name)
        return self._inner.exists(name)

    def save(self, name: str, content: Buffer) -> None:
        # A copy: the caller's buffer may have changed by the time of a second delivery.
        self._change("save", name, bytes(content))

    def load(self, name: str, offset: int = 0, length: int | None = None) -> bytes:
        self._look("load", name)
        return self._inner.load(name, offset, length)

    def remove(self, name: str) -> None:
        self._change("remove", name, None)

    def files(self, kind: FileKind) -> Iterator[StoredFile]:
        self._look("list", kind)
        return self._inner.files(kind)

    def remove_junk(self) -> None:
        self._refuse_if_stopped()
        self._inner.remove_junk()

    def deliver_late(self) -> None:
        """What was on its way when the program ended arrives now."""
        for act in (*self._soon, *self._late):
            act()
        self._soon, self._late = [], []

    def _change(self, operation: str, name: str, content: bytes | None) -> None:
        fault = self._count(self.operations, self._plans[0], operation, name)

        def act() -> None:
            if content is None:
                self._inner.remove(name)
            else:
                self._inner.save(name, content)

        self._stop_or_fail(fault, name)
        if fault is not Fault.LOST:
            act()
        waiting, self._soon = self._soon, []
        for again in waiting:
            again()
        if fault is Fault.STOP_AFTER:
            self._stop()
        if fault is Fault.ERROR_AFTER:
            raise _error(name, fault)
        if fault is Fault.DUPLICATE:
            self._soon.append(act)
        if fault is Fault.DUPLICATE_LATE:
            self._late.append(act)

    def _look(self, operation: str, name: str) -> None:
        self._stop_or_fail(self._count(self.looks, self._plans[1], operation, name), name)

    def _count(
        self, log: list[tuple[str, str]], plan: Plan, operation: str, name: str
    ) -> Fault | None:
        self._refuse_if_stopped()
        with self._mutex:
            fault = plan(len(log), operation, name)
            log.append((operation, name))
        return fault

    def _stop_or_fail(self, fault: Fault | None, name: str) -> None:
        if fault is Fault.STOP_BEFORE:
            self._stop()
        if fault in _FAILS_BEFORE:
            raise _error(name, fault)

    def _stop(self) -> None:
        # Clean-up code that runs while the exception travels must not reach the disk either.
        self._is_stopped = True
        raise Stopped

    def _refuse_if_stopped(self) -> None:
        if self._is_stopped:
            raise Stopped


def _error(name: str, fault: Fault) -> StorageError:
    hint = "free some space on the disk" if fault is Fault.ERROR else "is the place reachable?"
    return StorageError(f"cannot use {name}: {fault.value}", hint=hint)


class LaggingBackend(BackendWrapper):
    """Its listings are old: they show what was there before its own last ``changes`` changes.

    Files just saved are not listed yet, those just removed still are; ``load`` and ``exists``
    tell the truth.  For one thread at a time.
    """

    def __init__(self, inner: Backend, changes: int) -> None:
        super().__init__(inner)
        self._changes = changes
        self._sizes_before: list[tuple[str, int | None]] = []

    def save(self, name: str, content: Buffer) -> None:
        self._remember(name)
        self._inner.save(name, content)

    def remove(self, name: str) -> None:
        self._remember(name)
        self._inner.remove(name)

    def files(self, kind: FileKind) -> Iterator[StoredFile]:
        listed = {file.id: file for file in self._inner.files(kind)}
        unseen = self._sizes_before[-self._changes :] if self._changes else []
        for name, size in reversed(unseen):
            file_id = name.rpartition("/")[2]
            if name != file_name(kind, file_id):
                continue
            if size is None:
                listed.pop(file_id, None)
            else:
                listed[file_id] = StoredFile(file_id, size)
        return iter(sorted(listed.values()))

    def _remember(self, name: str) -> None:
        try:
            size = len(self._inner.load(name))
        except FileMissing:
            size = None
        self._sizes_before.append((name, size))

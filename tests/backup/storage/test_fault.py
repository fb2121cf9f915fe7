from collections.abc import Callable

import pytest

from lpse_ops.backup.storage.backend import FileKind, StoredFile
from lpse_ops.backup.storage.fault import (
    READ_FAULTS,
    Fault,
    FaultBackend,
    LaggingBackend,
    Stopped,
    fault_at,
    full_from,
)
from lpse_ops.backup.storage.memory import MemoryBackend
from lpse_ops.errors import StorageError

NAME = "snapshots/" + "ab" * 32
OTHER = "snapshots/" + "cd" * 32
LOCK = "locks/" + "ef" * 32


def backend_with(fault: Fault) -> tuple[FaultBackend, MemoryBackend]:
    """A backend whose second change goes wrong, after a first one that went well."""
    inner = MemoryBackend()
    backend = FaultBackend(inner, fault_at(1, fault))
    backend.save(OTHER, b"first")
    return backend, inner


@pytest.mark.parametrize(
    ("fault", "error", "is_there"),
    [
        (Fault.STOP_BEFORE, Stopped, False),
        (Fault.STOP_AFTER, Stopped, True),
        (Fault.ERROR, StorageError, False),
        (Fault.EIO, StorageError, False),
        (Fault.TIMEOUT, StorageError, False),
        (Fault.ERROR_AFTER, StorageError, True),
    ],
)
def test_a_save_fails_as_planned(fault: Fault, error: type[BaseException], is_there: bool) -> None:
    backend, inner = backend_with(fault)
    with pytest.raises(error):
        backend.save(NAME, b"second")
    assert inner.exists(NAME) is is_there
    assert inner.load(OTHER) == b"first"


@pytest.mark.parametrize(
    ("fault", "error", "is_there"),
    [
        (Fault.STOP_BEFORE, Stopped, True),
        (Fault.STOP_AFTER, Stopped, False),
        (Fault.ERROR, StorageError, True),
        (Fault.EIO, StorageError, True),
        (Fault.TIMEOUT, StorageError, True),
        (Fault.ERROR_AFTER, StorageError, False),
    ],
)
def test_a_remove_fails_as_planned(
    fault: Fault, error: type[BaseException], is_there: bool
) -> None:
    backend, inner = backend_with(fault)
    with pytest.raises(error):
        backend.remove(OTHER)
    assert inner.exists(OTHER) is is_there


def test_a_lost_save_looks_as_if_it_was_done() -> None:
    backend, inner = backend_with(Fault.LOST)
    backend.save(NAME, b"second")
    assert not inner.exists(NAME)


@pytest.mark.parametrize("fault", [Fault.STOP_BEFORE, Fault.STOP_AFTER])
def test_after_the_end_of_the_program_nothing_reaches_the_disk(fault: Fault) -> None:
    backend, inner = backend_with(fault)
    with pytest.raises(Stopped):
        backend.save(NAME, b"second")
    before = dict(inner.contents)
    for act in (
        lambda: backend.save(NAME, b"x"),
        lambda: backend.remove(OTHER),
        lambda: backend.load(OTHER),
        lambda: backend.exists(OTHER),
        lambda: backend.files(FileKind.SNAPSHOT),
    ):
        with pytest.raises(Stopped):
            act()
    assert inner.contents == before


def test_after_an_error_the_program_goes_on() -> None:
    backend, inner = backend_with(Fault.ERROR)
    with pytest.raises(StorageError, match="no space left on device") as full:
        backend.save(NAME, b"second")
    assert "free some space" in full.value.hint
    backend.save(NAME, b"again")
    assert inner.load(NAME) == b"again"


@pytest.mark.parametrize(
    ("fault", "message", "hint"),
    [
        (Fault.EIO, "input/output error", "reachable"),
        (Fault.TIMEOUT, "no answer in time", "reachable"),
        (Fault.ERROR_AFTER, "though it was done", "reachable"),
    ],
)
def test_an_error_says_what_is_wrong(fault: Fault, message: str, hint: str) -> None:
    backend, _ = backend_with(fault)
    with pytest.raises(StorageError, match=message) as failed:
        backend.save(NAME, b"second")
    assert hint in failed.value.hint


@pytest.mark.parametrize("fault", [Fault.DUPLICATE, Fault.DUPLICATE_LATE])
def test_a_save_that_arrives_twice_brings_back_what_was_removed(fault: Fault) -> None:
    backend, inner = backend_with(fault)
    content = bytearray(b"second")
    backend.save(NAME, content)
    content[:] = b"======"
    assert inner.exists(NAME)
    backend.remove(NAME)
    assert inner.exists(NAME) is (fault is Fault.DUPLICATE)
    backend.deliver_late()
    assert inner.load(NAME) == b"second"
    inner.remove(NAME)
    backend.deliver_late()
    assert not inner.exists(NAME)


def test_a_remove_that_arrives_twice_takes_what_came_between() -> None:
    backend, inner = backend_with(Fault.DUPLICATE_LATE)
    backend.remove(OTHER)
    backend.save(OTHER, b"names are never used again, but if they were")
    backend.deliver_late()
    assert not inner.exists(OTHER)


def test_what_follows_nothing_arrives_late() -> None:
    backend, inner = backend_with(Fault.DUPLICATE)
    backend.save(NAME, b"second")
    inner.remove(NAME)
    backend.deliver_late()
    assert inner.exists(NAME)


def test_a_full_disk_stays_full_but_can_be_emptied() -> None:
    inner = MemoryBackend()
    backend = FaultBackend(inner, full_from(1))
    backend.save(OTHER, b"first")
    for _ in range(2):
        with pytest.raises(StorageError, match="no space left"):
            backend.save(NAME, b"x")
    backend.remove(OTHER)
    assert inner.contents == {}


@pytest.mark.parametrize("fault", READ_FAULTS)
@pytest.mark.parametrize("number", range(3))
def test_a_look_fails_as_planned(fault: Fault, number: int) -> None:
    inner = MemoryBackend()
    inner.save(NAME, b"x")
    backend = FaultBackend(inner, looks=fault_at(number, fault))
    looks: list[Callable[[], object]] = [
        lambda: backend.load(NAME),
        lambda: list(backend.files(FileKind.SNAPSHOT)),
        lambda: backend.exists(NAME),
    ]
    expected = Stopped if fault is Fault.STOP_BEFORE else StorageError
    for each in looks[:number]:
        each()
    with pytest.raises(expected):
        looks[number]()
    assert len(backend.looks) == number + 1
    assert inner.contents == {NAME: b"x"}


def test_changes_and_looks_are_counted_apart() -> None:
    backend = FaultBackend(MemoryBackend())
    backend.prepare()
    backend.save(NAME, b"x")
    backend.load(NAME)
    backend.exists(NAME)
    list(backend.files(FileKind.SNAPSHOT))
    backend.remove(NAME)
    assert backend.operations == [("save", NAME), ("remove", NAME)]
    assert backend.looks == [("load", NAME), ("exists", NAME), ("list", "snapshots")]
    assert backend.location == "memory"


def test_a_plan_sees_number_kind_and_name() -> None:
    seen: list[tuple[int, str, str]] = []

    def plan(number: int, operation: str, name: str) -> None:
        seen.append((number, operation, name))

    backend = FaultBackend(MemoryBackend(), plan)
    backend.save(NAME, b"x")
    backend.remove(OTHER)
    assert seen == [(0, "save", NAME), (1, "remove", OTHER)]


def test_only_a_bare_except_could_catch_the_end_of_the_program() -> None:
    assert not issubclass(Stopped, Exception)


# --- listings that lag ----------------------------------------------------------------------------


def lagging(changes: int) -> LaggingBackend:
    """Begins with OTHER; then a lock is saved, OTHER removed, NAME saved."""
    inner = MemoryBackend()
    inner.save(OTHER, b"first")
    backend = LaggingBackend(inner, changes)
    backend.save(LOCK, b"lock")
    backend.remove(OTHER)
    backend.save(NAME, b"other")
    return backend


@pytest.mark.parametrize(
    ("changes", "snapshots", "locks"),
    [
        (0, [NAME], [LOCK]),
        (1, [], [LOCK]),
        (2, [OTHER], [LOCK]),
        (3, [OTHER], []),
        (99, [OTHER], []),
    ],
)
def test_a_listing_lags_by_some_changes(
    changes: int, snapshots: list[str], locks: list[str]
) -> None:
    backend = lagging(changes)
    listed = [f"snapshots/{file.id}" for file in backend.files(FileKind.SNAPSHOT)]
    assert listed == snapshots
    assert [f"locks/{file.id}" for file in backend.files(FileKind.LOCK)] == locks
    assert backend.load(NAME) == b"other"
    assert not backend.exists(OTHER)


def test_what_is_listed_after_its_end_has_its_old_size() -> None:
    (file,) = lagging(2).files(FileKind.SNAPSHOT)
    assert file == StoredFile("cd" * 32, len(b"first"))


def test_a_file_saved_again_and_removed_again_is_listed_as_it_was() -> None:
    backend = lagging(changes=2)
    backend.save(NAME, b"other")
    backend.remove(NAME)
    assert [file.id for file in backend.files(FileKind.SNAPSHOT)] == ["ab" * 32]

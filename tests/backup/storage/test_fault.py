import pytest

from lpse_ops.backup.storage.backend import FileKind
from lpse_ops.backup.storage.fault import Fault, FaultBackend, Stopped, fault_at
from lpse_ops.backup.storage.memory import MemoryBackend
from lpse_ops.errors import StorageError

NAME = "snapshots/" + "ab" * 32
OTHER = "snapshots/" + "cd" * 32


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


def test_changes_are_counted_and_looks_are_not() -> None:
    backend = FaultBackend(MemoryBackend())
    backend.prepare()
    backend.save(NAME, b"x")
    backend.load(NAME)
    backend.exists(NAME)
    list(backend.files(FileKind.SNAPSHOT))
    backend.remove(NAME)
    assert backend.operations == [("save", NAME), ("remove", NAME)]
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

"""Files loaded ahead: all of them, in their order, and never too many at once."""

import threading

import pytest

from lpse_ops.backup.loadahead import load_ahead
from lpse_ops.errors import StorageError

MIB = 1 << 20
NAMES = [f"{number:02d}" for number in range(20)]


@pytest.mark.parametrize("at_once", [0, 1, 3, 50])
def test_all_come_in_the_order_of_the_list(at_once: int) -> None:
    files = [(name, 100) for name in NAMES]
    loaded = load_ahead(files, lambda name: f"content {name}".encode(), at_once=at_once)
    assert [(name, get()) for name, get in loaded] == [
        (name, f"content {name}".encode()) for name in NAMES
    ]


def test_as_many_as_asked_for_are_on_their_way_together() -> None:
    together = threading.Barrier(4, timeout=30)

    def load(_name: str) -> bytes:
        together.wait()
        return b""

    assert len([get() for _, get in load_ahead([(n, 1) for n in NAMES], load, at_once=4)]) == 20


def test_large_files_do_not_pile_up() -> None:
    begun: list[str] = []

    def load(name: str) -> bytes:
        begun.append(name)
        return b""

    for taken, (_, get) in enumerate(load_ahead([(n, 2 * MIB) for n in NAMES], load, at_once=8)):
        get()
        # One in the caller's hands, and two that are small enough together.
        assert len(begun) - taken <= 3


def test_without_threads_nothing_is_loaded_before_it_is_asked_for() -> None:
    begun: list[str] = []

    def load(name: str) -> bytes:
        begun.append(name)
        return b""

    for name, get in load_ahead([(n, 1) for n in NAMES], load, at_once=0):
        assert begun == NAMES[: NAMES.index(name)]
        get()
    assert begun == NAMES


@pytest.mark.parametrize("at_once", [0, 4])
def test_one_that_fails_spoils_no_other(at_once: int) -> None:
    def load(name: str) -> bytes:
        if name == "03":
            raise StorageError("broken", hint="none")
        return b"whole"

    whole = []
    for name, get in load_ahead([(n, 1) for n in NAMES], load, at_once=at_once):
        if name == "03":
            with pytest.raises(StorageError, match="broken"):
                get()
        else:
            whole.append(get())
    assert whole == [b"whole"] * 19


def test_who_stops_taking_leaves_no_thread_behind() -> None:
    before = threading.active_count()
    loaded = load_ahead([(n, 1) for n in NAMES], lambda _: b"", at_once=4)
    next(loaded)
    loaded.close()  # type: ignore[attr-defined]
    assert threading.active_count() == before

"""What is wrong with a file is never spread; what is right is copied from whoever has it."""

from pathlib import Path

import pytest

from lpse_ops.backup.check import check_structure
from lpse_ops.backup.clones import leading_first, newest_snapshot, update_clone
from lpse_ops.backup.progress import SILENT
from lpse_ops.backup.repository import open_repository
from lpse_ops.backup.storage.backend import Backend, FileKind
from lpse_ops.backup.storage.fault import Fault, FaultBackend
from lpse_ops.backup.storage.memory import MemoryBackend
from lpse_ops.backup.sync import Place, SyncReport, open_clone
from lpse_ops.errors import FileMissing, RepositoryError, StorageError
from tests.backup.cheap_repository import PASSWORD, init_cheaply
from tests.backup.statejudge import State, backend_of, read_state
from tests.backup.storing import store


@pytest.fixture(scope="module")
def states(tmp_path_factory: pytest.TempPathFactory) -> tuple[State, State]:
    """A repository with one snapshot, and the same with a second one."""
    root = init_cheaply(tmp_path_factory.mktemp("sync") / "repo")
    docs = tmp_path_factory.mktemp("docs")
    (docs / "one.pdf").write_bytes(b"one" * 2000)
    store(root, docs)
    first = read_state(root)
    (docs / "two.pdf").write_bytes(b"two" * 3000)
    store(root, docs)
    return first, read_state(root)


def place(name: str, backend: Backend) -> Place:
    return Place(name, open_repository(backend, PASSWORD))


def sync(
    source: MemoryBackend, target: MemoryBackend, *others: MemoryBackend, delete: bool = False
) -> SyncReport:
    siblings = [place(f"other-{number}", each) for number, each in enumerate(others)]
    return update_clone(
        place("source", source), place("target", target), siblings, SILENT, delete=delete
    )


def new_names(states: tuple[State, State], folder: str) -> list[str]:
    return [name for name in states[1].keys() - states[0].keys() if name.startswith(folder)]


def test_a_clone_gets_the_very_files(states: tuple[State, State]) -> None:
    target = backend_of(states[0])
    report = sync(backend_of(states[1]), target)
    assert target.contents == states[1]
    assert report.files == len(states[1]) - len(states[0])
    assert report.bytes == sum(len(states[1][name]) for name in states[1].keys() - states[0].keys())
    assert report.problems == report.healed == report.held_back == []
    assert sync(backend_of(states[1]), target).files == 0


@pytest.mark.parametrize("folder", ["data", "index", "snapshots", "keys"])
def test_no_rotten_file_is_spread(states: tuple[State, State], folder: str) -> None:
    source, target = backend_of(states[1]), backend_of(states[0])
    names = new_names(states, folder) or [n for n in states[1] if n.startswith(folder)]
    rotten = max(names, key=lambda name: len(states[1][name]))
    target.contents.pop(rotten, None)
    source.contents[rotten] = b"?" + states[1][rotten][1:]
    if folder == "keys":  # what opens the clone is not what is copied
        target.contents["keys/" + 64 * "0"] = states[1][rotten]
        source.contents["keys/" + 64 * "0"] = states[1][rotten]
    report = sync(source, target)
    assert rotten not in target.contents
    assert any(rotten in line and "does not match its name" in line for line in report.problems)
    # What the clone has is whole.
    if folder != "keys":
        assert not check_structure(open_repository(target, PASSWORD)).errors
    healed = sync(source, target, backend_of(states[0]), backend_of(states[1]))
    assert target.contents.items() >= states[1].items()
    assert any(rotten in line for line in healed.healed)


def test_a_pack_that_only_the_index_knows_of_comes_from_another(
    states: tuple[State, State],
) -> None:
    source, target = backend_of(states[1]), backend_of(states[0])
    for name in new_names(states, "data"):
        del source.contents[name]
    alone = sync(source, target)
    assert len(alone.held_back) == 1
    assert target.contents == states[0]
    sync(source, target, backend_of(states[1]))
    assert target.contents == states[1]


@pytest.mark.parametrize("folder", ["data", "index", "snapshots"])
def test_a_file_of_another_size_is_replaced_only_if_it_is_wrong(
    states: tuple[State, State], folder: str
) -> None:
    name = next(name for name in states[1] if name.startswith(folder))
    target = backend_of(states[1])
    target.contents[name] = states[1][name][:-5]
    report = sync(backend_of(states[1]), target)
    assert target.contents == states[1]
    assert report.repaired == [name]
    source = backend_of(states[1])
    source.contents[name] += b"more"
    report = sync(source, target)
    assert target.contents == states[1]
    assert report.repaired == []
    assert any("at source is not whole; target has it" in line for line in report.problems)


class KeepsFirst(MemoryBackend):
    """A place that never replaces a file, as with ``If-None-Match``."""

    def save(self, name: str, content: object) -> None:
        if name not in self.contents:
            super().save(name, content)  # type: ignore[arg-type]


def test_a_wrong_file_of_a_place_that_never_replaces_is_removed_first(
    states: tuple[State, State],
) -> None:
    target = KeepsFirst()
    target.contents = dict(states[1])
    name = next(name for name in states[1] if name.startswith("data"))
    target.contents[name] = b"short"
    sync(backend_of(states[1]), target)
    assert target.contents == states[1]


def test_a_source_that_goes_away_is_not_asked_for_every_file(tmp_path: Path) -> None:
    source = backend_of(read_state(init_cheaply(tmp_path / "repo")))
    for number in range(60):
        name = f"{number:064x}"
        source.contents[f"data/00/{name}"] = b"x"
    faulty = FaultBackend(
        source,
        looks=lambda _n, operation, name: (
            Fault.EIO if operation == "load" and name.startswith("data") else None
        ),
    )
    target = backend_of(read_state(init_cheaply(tmp_path / "clone")))
    with pytest.raises(StorageError, match="20 files of source") as failed:
        update_clone(place("source", faulty), place("target", target), [], SILENT)
    assert "check --read-data --destination source" in failed.value.hint
    assert sum(each == "load" for each, _ in faulty.looks) < 60


def test_a_full_target_ends_it(states: tuple[State, State]) -> None:
    class Full(MemoryBackend):
        def save(self, name: str, content: object) -> None:
            raise StorageError(f"no space for {name}", hint=str(content)[:9])

    target = Full()
    target.contents = dict(states[0])
    with pytest.raises(StorageError, match="no space"):
        sync(backend_of(states[1]), target)
    assert target.contents == states[0]


# -- which places are clones -----------------------------------------------------------------------


def test_another_repository_is_refused(states: tuple[State, State], tmp_path: Path) -> None:
    other = read_state(init_cheaply(tmp_path / "other"))
    source = open_repository(backend_of(states[1]), PASSWORD)
    damaged = dict(other) | {"config": bytes(len(other["config"]))}
    with pytest.raises(RepositoryError, match="another repository"):
        open_clone(backend_of(damaged), source, "disk-b")
    without = {name: each for name, each in other.items() if name != "config"}
    with pytest.raises(RepositoryError, match="whose config is gone") as refused:
        open_clone(backend_of(without | {"keys/" + 64 * "a": b"a key"}), source, "disk-b")
    assert "key recover" in refused.value.hint
    with pytest.raises(RepositoryError, match="whose config is gone"):
        open_clone(backend_of({"snapshots/" + 64 * "a": b"strange"}), source, "disk-b")


def test_a_clone_that_was_begun_is_taken_up(states: tuple[State, State]) -> None:
    begun = backend_of({name: each for name, each in states[0].items() if name != "config"})
    source = place("source", backend_of(states[1]))
    clone = Place("clone", open_clone(begun, source.repository, "clone"))
    update_clone(source, clone, [], SILENT)
    assert begun.contents == states[1]


# -- who leads -------------------------------------------------------------------------------------


def test_who_has_the_newest_snapshot_leads(states: tuple[State, State]) -> None:
    old, new, newer = (backend_of(states[each]) for each in (0, 1, 1))
    first_gone = backend_of(states[1])
    del first_gone.contents[next(name for name in states[0] if name.startswith("snapshots"))]
    places = [place("old", old), place("forgot", first_gone), place("new", new), place("x", newer)]
    assert [each.name for each in leading_first(places)] == ["forgot", "new", "x", "old"]
    newest = newest_snapshot(places[1])
    assert newest is not None
    assert newest == newest_snapshot(places[2])


def test_one_that_cannot_list_does_not_lead(states: tuple[State, State]) -> None:
    class Silent(MemoryBackend):
        def files(self, kind: FileKind) -> object:  # type: ignore[override]
            if kind is FileKind.SNAPSHOT:
                raise FileMissing("gone", hint="see dmesg")
            return super().files(kind)

    silent = Silent()
    silent.contents = dict(states[1])
    places = [place("silent", silent), place("old", backend_of(states[0]))]
    assert [each.name for each in leading_first(places)] == ["old"]

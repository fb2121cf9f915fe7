"""Mirrored backups and syncs with every fault at every operation of one of the places.

What exactly is promised stands in ``faultsweep.py``; here a place that fails counts as a command
that failed, and the other places must be whole in spite of it.
"""

from collections.abc import Callable
from pathlib import Path

import pytest

from lpse_ops.backup.backuprun import BackupRequest, run_backup
from lpse_ops.backup.clones import update_clone
from lpse_ops.backup.forget import carry_out, plan_by_policy
from lpse_ops.backup.locking import hold_lock
from lpse_ops.backup.progress import SILENT
from lpse_ops.backup.prune import PruneOptions, prune
from lpse_ops.backup.repository import Repository, open_repository
from lpse_ops.backup.retention import GroupBy, KeepPolicy
from lpse_ops.backup.storage.backend import Backend, FileKind
from lpse_ops.backup.storage.memory import MemoryBackend
from lpse_ops.backup.storage.mirror import Member, MirrorBackend
from lpse_ops.backup.sync import Place, open_clone
from lpse_ops.errors import OpsError
from tests.backup.cheap_repository import PASSWORD, init_cheaply
from tests.backup.faultsweep import Scenario
from tests.backup.statejudge import Judge, State, backend_of, read_state
from tests.backup.storing import HOST
from tests.backup.test_fault_sweep import (
    DAY,
    FIRST,
    TIMING,
    back_up,
    sweep,
    with_lock,
    write_documents,
)
from tests.restic_binaries import Restic

NOW = FIRST + 3 * DAY


@pytest.fixture(scope="module")
def judge(
    tmp_path_factory: pytest.TempPathFactory, restic_old: Restic, restic_new: Restic
) -> Judge:
    return Judge(tmp_path_factory.mktemp("judge"), (restic_old, restic_new))


@pytest.fixture(scope="module")
def days(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[State]]:
    """Documents, and the repository as it was after each of three days."""
    root = init_cheaply(tmp_path_factory.mktemp("history") / "repo")
    docs = tmp_path_factory.mktemp("docs")
    (docs / "tender").mkdir()
    backend = backend_of(read_state(root))
    states = []
    for day in range(3):
        write_documents(docs, day)
        back_up(docs, FIRST + day * DAY)(backend)
        states.append(dict(backend.contents))
    write_documents(docs, 3)
    return docs, states


@pytest.fixture(scope="module")
def pruned(days: tuple[Path, list[State]]) -> State:
    """The last of them, with one snapshot left."""
    backend = backend_of(days[1][-1])

    def forget(repository: Repository) -> None:
        everything = repository.snapshots()
        plan = plan_by_policy(
            everything,
            everything,
            KeepPolicy(last=1),
            GroupBy(),
            now=NOW,
            is_complete=lambda _: True,
            may_be_complete=lambda _: True,
        )
        carry_out(repository, plan)
        prune(repository, PruneOptions(), SILENT, now=NOW)

    with_lock(forget, exclusive=True)(backend)
    return backend.contents


def place_at(name: str, backend: Backend) -> Place:
    return Place(name, open_repository(backend, PASSWORD))


# -- mirrored backups ------------------------------------------------------------------------------


def mirrored(docs: Path, stored: State, number: int) -> Callable[[Backend], object]:
    """A backup to three places, of which one is under test."""
    request = BackupRequest(paths=(bytes(docs),), hostname=HOST, time=NOW)

    def run(backend: Backend) -> None:
        others = [backend_of(stored) for _ in range(2)]
        backends: list[Backend] = [*others]
        backends.insert(number, backend)
        try:
            dropped, snapshot_id = _back_up(backends, request)
        finally:
            assert all(_is_valid(each) for each in others)
        for other in others:
            assert f"snapshots/{snapshot_id}" in other.contents
        if "under test" in dropped:
            raise dropped["under test"]

    def _back_up(
        backends: list[Backend], request: BackupRequest
    ) -> tuple[dict[str, OpsError], str]:
        names = ["0", "1", "2"]
        names[number] = "under test"
        places = [place_at(*each) for each in zip(names, backends, strict=True)]
        with (
            hold_lock(places[0].repository, timing=TIMING),
            hold_lock(places[1].repository, timing=TIMING),
            hold_lock(places[2].repository, timing=TIMING),
        ):
            mirror = MirrorBackend(
                [
                    Member(name, one.backend, one.before_write, one.before_commit)
                    for name, one in places
                ]
            )
            first = places[0].repository
            try:
                result = run_backup(
                    Repository(mirror, first.keys, first.config), request, SILENT, workers=1
                )
                mirror.finish()
            finally:
                mirror.close()
        return mirror.dropped, result.snapshot.id

    return run


def _is_valid(backend: MemoryBackend) -> bool:
    """Whether every snapshot's index is there: what it needs was stored before it."""
    repository = open_repository(backend, PASSWORD)
    index = repository.load_index()
    packs = {file.id for file in backend.files(FileKind.PACK)}
    return all(each.hex() in packs for each in index.pack_ids) and bool(repository.snapshots())


@pytest.mark.parametrize("number", [0, 1], ids=["leader", "follower"])
def test_a_mirrored_backup(days: tuple[Path, list[State]], judge: Judge, number: int) -> None:
    docs, states = days
    scenario = Scenario(
        f"mirrored backup, place {number}", states[0], mirrored(docs, states[0], number)
    )
    sweep(scenario, judge, changes=5)


# -- syncs -----------------------------------------------------------------------------------------


def synced(source: State, *, delete: bool = False) -> Callable[[Backend], object]:
    """A sync from a healthy source into the place under test."""

    def run(backend: Backend) -> None:
        leader = place_at("source", backend_of(source))
        clone = Place("clone", open_clone(backend, leader.repository, "clone"))
        with (
            hold_lock(leader.repository, exclusive=delete, timing=TIMING),
            hold_lock(clone.repository, exclusive=delete, timing=TIMING),
        ):
            report = update_clone(leader, clone, [], SILENT, delete=delete, threads=1)
        assert not report.problems

    return run


def test_a_sync_of_a_clone_that_is_behind(days: tuple[Path, list[State]], judge: Judge) -> None:
    states = days[1]
    sweep(Scenario("sync", states[0], synced(states[-1])), judge, changes=8)


def test_a_sync_into_an_empty_place(days: tuple[Path, list[State]], judge: Judge) -> None:
    states = days[1]
    scenario = Scenario("sync, empty place", {}, synced(states[1]), makes_repository=True)
    sweep(scenario, judge, changes=8)


def test_a_sync_that_deletes(days: tuple[Path, list[State]], pruned: State, judge: Judge) -> None:
    states = days[1]
    sweep(Scenario("sync --delete", states[-1], synced(pruned, delete=True)), judge, changes=8)


@pytest.mark.parametrize("threads", [1, 4])
def test_a_clone_is_byte_identical(
    days: tuple[Path, list[State]], pruned: State, threads: int
) -> None:
    source, target = backend_of(pruned), backend_of(days[1][-1])
    leader = place_at("source", source)
    clone = place_at("clone", target)
    report = update_clone(leader, clone, [], SILENT, delete=True, threads=threads)
    assert target.contents == {**pruned, **_own(target)}
    assert report.removed > 2


def _own(backend: MemoryBackend) -> State:
    """What each place keeps for itself."""
    return {name: each for name, each in backend.contents.items() if name.startswith("lpse/")}

"""Every command, with every fault at every one of its operations: nothing stored is harmed.

What exactly is promised stands in ``faultsweep.py``.
"""

import hashlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from lpse_ops.backup.backuprun import BackupRequest, run_backup
from lpse_ops.backup.copier import copy_snapshots
from lpse_ops.backup.exclude import Excludes
from lpse_ops.backup.forget import carry_out, plan_by_policy
from lpse_ops.backup.keyfile import ScryptCost
from lpse_ops.backup.keyring import KeyOrigin, add_key, change_password, create_repository
from lpse_ops.backup.locking import LockTiming, hold_lock
from lpse_ops.backup.orphans import save_first_seen
from lpse_ops.backup.pack import BlobType
from lpse_ops.backup.progress import SILENT
from lpse_ops.backup.prune import PruneOptions, prune
from lpse_ops.backup.pruneplan import MaxUnused
from lpse_ops.backup.repairindex import repair_index
from lpse_ops.backup.repairpacks import find_damaged, salvage_packs
from lpse_ops.backup.repairsnapshots import repair_snapshots
from lpse_ops.backup.repository import Repository, open_repository
from lpse_ops.backup.retention import GroupBy, KeepPolicy
from lpse_ops.backup.rewrite import Changes, rewrite_snapshots
from lpse_ops.backup.storage.backend import CONFIG, Backend, FileKind, file_name
from lpse_ops.backup.tagging import TagChange, change_tags
from lpse_ops.errors import OpsError, WrongPassword
from tests.backup.cheap_repository import PASSWORD, init_cheaply
from tests.backup.faultsweep import Scenario, Sweep
from tests.backup.statejudge import Judge, State, backend_of, read_state
from tests.backup.storing import HOST
from tests.restic_binaries import Restic

FIRST = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
DAY = timedelta(days=1)
NOW = FIRST + 4 * DAY
ORIGIN = KeyOrigin(HOST, "root", FIRST, ScryptCost(n=2, r=1, p=1))
NEW_PASSWORD = "new"
# Nobody else is there: the pause in which two writers would see each other can be left out.
TIMING = LockTiming(sleep=lambda _: None)


@pytest.fixture(scope="module")
def judge(
    tmp_path_factory: pytest.TempPathFactory, restic_old: Restic, restic_new: Restic
) -> Judge:
    return Judge(tmp_path_factory.mktemp("judge"), (restic_old, restic_new))


@pytest.fixture(scope="module")
def docs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Documents as of the last day of ``history``."""
    folder = tmp_path_factory.mktemp("docs")
    (folder / "tender").mkdir()
    return folder


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory, docs: Path) -> State:
    """Four days of documents: packs that are needed whole, in part, and not at all."""
    root = init_cheaply(tmp_path_factory.mktemp("history") / "repo")
    backend = backend_of(read_state(root))
    for day in range(4):
        write_documents(docs, day)
        back_up(docs, FIRST + day * DAY)(backend)
    write_documents(docs, 4)
    return backend.contents


def write_documents(folder: Path, day: int) -> None:
    """One file that stays, one that changes each day, one that is new, one that goes."""
    contents = {"stays.pdf": 0, "changes.sql": day, f"tender/{day}.rhs": 100 + day}
    for name, number in contents.items():
        content = hashlib.shake_256(b"%d" % number).digest(3_000 + number)
        (folder / name).write_bytes(content if name != "changes.sql" else content.hex().encode())
    (folder / f"tender/{day - 2}.rhs").unlink(missing_ok=True)


def with_lock(
    act: Callable[[Repository], object], *, exclusive: bool = False
) -> Callable[[Backend], object]:
    """The command as its place in the command line runs it: open, lock, act."""

    def run(backend: Backend) -> None:
        repository = open_by_any(backend)
        with hold_lock(repository, exclusive=exclusive, timing=TIMING):
            act(repository)

    return run


def open_by_any(backend: Backend) -> Repository:
    try:
        return open_repository(backend, PASSWORD)
    except WrongPassword:
        return open_repository(backend, NEW_PASSWORD)


def back_up(docs: Path, time: datetime) -> Callable[[Backend], object]:
    request = BackupRequest(paths=(bytes(docs),), hostname=HOST, time=time)
    return with_lock(lambda repository: run_backup(repository, request, SILENT, workers=1))


# -- the commands ----------------------------------------------------------------------------------


def init(backend: Backend) -> None:
    if not backend.exists(CONFIG):
        # As the hint of a repeated init says: remove what the first one left.
        for file in list(backend.files(FileKind.KEY)):
            backend.remove(file_name(FileKind.KEY, file.id))
        create_repository(backend, PASSWORD, ORIGIN)


def key_add(repository: Repository) -> None:
    add_key(repository, NEW_PASSWORD, ORIGIN)


def key_passwd(repository: Repository) -> None:
    change_password(repository, NEW_PASSWORD, ORIGIN)


def sweep(scenario: Scenario, judge: Judge, *, changes: int) -> None:
    """Go through all cases; ``changes`` is the floor of what there must be to go through."""
    before = judge.states
    tally = Sweep(scenario, judge).run()
    print(
        f"{scenario.name}: {tally.changes} changes, {tally.looks} looks, {tally.cases} cases, "
        f"{judge.states - before} distinct states, {dict(tally.outcomes)}"
    )
    assert tally.changes >= changes
    assert tally.looks >= 1
    assert {"done", "failed", "stopped"} <= set(tally.outcomes)


def test_init(judge: Judge) -> None:
    sweep(Scenario("init", {}, init, makes_repository=True), judge, changes=2)


def test_backup(judge: Judge, stored: State, docs: Path) -> None:
    run = back_up(docs, FIRST + 5 * DAY)
    # lock, pack of data, pack of trees, index, snapshot, unlock
    sweep(Scenario("backup", stored, run), judge, changes=6)


def test_key_add(judge: Judge, stored: State) -> None:
    passwords = (PASSWORD, NEW_PASSWORD)
    sweep(Scenario("key add", stored, with_lock(key_add), passwords), judge, changes=3)


def test_key_passwd(judge: Judge, stored: State) -> None:
    run = with_lock(key_passwd, exclusive=True)
    sweep(Scenario("key passwd", stored, run, (PASSWORD, NEW_PASSWORD)), judge, changes=4)


def test_a_command_in_the_wrong_order_is_caught(judge: Judge, stored: State) -> None:
    """Without this, the tests here might be ones that cannot fail."""

    def remove_then_add(repository: Repository) -> None:
        repository.remove(FileKind.KEY, repository.key_id)
        key_add(repository)

    run = with_lock(remove_then_add, exclusive=True)
    scenario = Scenario("wrong order", stored, run, (PASSWORD, NEW_PASSWORD))
    with pytest.raises(AssertionError, match=r"STOP_AFTER at change 1.*none of 2 passwords"):
        Sweep(scenario, judge).run()


def test_key_remove(judge: Judge, stored: State) -> None:
    backend = backend_of(stored)
    add_key(open_repository(backend, PASSWORD), NEW_PASSWORD, ORIGIN)
    (added,) = {name.rpartition("/")[2] for name in backend.contents.keys() - stored.keys()}

    def remove(repository: Repository) -> None:
        if added in repository.files(FileKind.KEY):
            repository.remove(FileKind.KEY, added)

    scenario = Scenario("key remove", backend.contents, with_lock(remove, exclusive=True))
    sweep(scenario, judge, changes=3)


# -- snapshots go, and what they needed ------------------------------------------------------------


def forget(repository: Repository) -> None:
    snapshots = repository.snapshots()
    plan = plan_by_policy(
        snapshots,
        snapshots,
        KeepPolicy(last=2),
        GroupBy(),
        now=NOW,
        is_complete=lambda _: True,
    )
    carry_out(repository, plan)


def prune_all(repository: Repository, now: datetime = NOW) -> None:
    prune(repository, PruneOptions(MaxUnused(percent=0)), SILENT, now=now)


def forget_and_prune(repository: Repository) -> None:
    forget(repository)
    prune_all(repository)


def stored_with_orphan(stored: State) -> State:
    """Snapshots are forgotten, a pack is in no index since two days, and an index is doubled."""
    backend = backend_of(stored)
    with_lock(forget)(backend)
    orphan = next(name for name in stored if name.startswith("data/"))
    stray = backend.load(orphan)[1:]
    stray_id = hashlib.sha256(stray).hexdigest()
    backend.save(file_name(FileKind.PACK, stray_id), stray)
    repository = open_by_any(backend)
    repository.save_index(list(repository.index_packs())[:2])
    save_first_seen(repository, {bytes.fromhex(stray_id): NOW - 2 * DAY})
    return backend.contents


def test_forget(judge: Judge, stored: State) -> None:
    run = with_lock(forget, exclusive=True)
    sweep(Scenario("forget", stored, run), judge, changes=4)


def test_forget_prune(judge: Judge, stored: State) -> None:
    run = with_lock(forget_and_prune, exclusive=True)
    # lock, 2 snapshots, 2 new packs, new indexes, old indexes, old packs, unlock
    sweep(Scenario("forget --prune", stored, run), judge, changes=12)


def test_prune_of_an_orphan_and_a_doubled_index(judge: Judge, stored: State) -> None:
    run = with_lock(prune_all, exclusive=True)
    sweep(Scenario("prune", stored_with_orphan(stored), run), judge, changes=12)


def test_tag(judge: Judge, stored: State) -> None:
    def tag(repository: Repository) -> None:
        snapshots = repository.snapshots()
        change_tags(repository, snapshots, snapshots[:2], TagChange(add=("audit",)))

    sweep(Scenario("tag", stored, with_lock(tag, exclusive=True)), judge, changes=6)


# -- snapshots of snapshots ------------------------------------------------------------------------


@pytest.mark.parametrize("is_forgetting", [True, False], ids=["forget", "keep"])
def test_rewrite(is_forgetting: bool, judge: Judge, stored: State) -> None:
    def rewrite(repository: Repository) -> None:
        changes = Changes(excludes=Excludes(["changes.sql"]))
        rewrite_snapshots(repository, repository.snapshots(), changes, forget=is_forgetting)

    run = with_lock(rewrite, exclusive=is_forgetting)
    sweep(Scenario("rewrite", stored, run), judge, changes=6)


def copy_between(source: Backend, target: Backend) -> None:
    """Both are locked; the target has keys of its own."""
    opened = open_by_any(source), open_by_any(target)
    with hold_lock(opened[0], timing=TIMING), hold_lock(opened[1], timing=TIMING):
        copy_snapshots(*opened, opened[0].snapshots(), SILENT)


@pytest.fixture
def empty() -> State:
    backend = backend_of({})
    create_repository(backend, PASSWORD, ORIGIN)
    return backend.contents


def test_copy_to(judge: Judge, stored: State, empty: State) -> None:
    def run(target: Backend) -> None:
        copy_between(backend_of(stored), target)

    # lock, 2 packs, index, 4 snapshots, unlock
    sweep(Scenario("copy to", empty, run), judge, changes=8)


def test_copy_from(judge: Judge, stored: State, empty: State) -> None:
    def run(source: Backend) -> None:
        copy_between(source, backend_of(empty))

    sweep(Scenario("copy from", stored, run), judge, changes=2)


# -- repairs ---------------------------------------------------------------------------------------


def test_repair_index(judge: Judge, stored: State) -> None:
    """One index file is gone."""
    lost = next(name for name in stored if name.startswith("index/"))
    damaged = {name: content for name, content in stored.items() if name != lost}

    def repair(repository: Repository) -> None:
        report = repair_index(repository)
        if report.unreadable:
            raise exit_code_1(report.unreadable)

    run = with_lock(repair, exclusive=True)
    sweep(Scenario("repair index", damaged, run, is_repair=True), judge, changes=3)


def test_repair_packs(judge: Judge, stored: State, tmp_path: Path) -> None:
    """A pack that only a forgotten snapshot needed is damaged."""
    backend = backend_of(stored)
    first = open_by_any(backend).snapshots()[0]
    backend.remove(file_name(FileKind.SNAPSHOT, first.id))
    name = find_pack_of(backend.contents, first.tree)
    backend.contents[name] = b"\0" * 40 + backend.contents[name][40:]

    def repair(repository: Repository) -> None:
        repairs = salvage_packs(repository, list(find_damaged(repository)), tmp_path / "kept")
        if any(each.copy is None for each in repairs):
            raise exit_code_1(repairs)

    scenario = Scenario(
        "repair packs", backend.contents, with_lock(repair, exclusive=True), is_repair=True
    )
    sweep(scenario, judge, changes=5)


def test_repair_snapshots(judge: Judge, stored: State) -> None:
    """The pack with the trees of the first snapshot is gone, and with it that snapshot's root."""
    first = open_by_any(backend_of(stored)).snapshots()[0]
    lost = find_pack_of(stored, first.tree)
    damaged = backend_of({name: content for name, content in stored.items() if name != lost})
    with_lock(repair_index, exclusive=True)(damaged)

    def repair(repository: Repository) -> None:
        repair_snapshots(repository, repository.snapshots(), forget=True)

    scenario = Scenario(
        "repair snapshots", damaged.contents, with_lock(repair, exclusive=True), is_repair=True
    )
    sweep(scenario, judge, changes=3)


def exit_code_1(why: object) -> OpsError:
    """What the command line says when a repair has not repaired all."""
    return OpsError(str(why), hint="run it again")


def find_pack_of(state: State, tree_id: bytes) -> str:
    index = open_by_any(backend_of(state)).load_index()
    (location,) = index.locations(BlobType.TREE, tree_id)
    return file_name(FileKind.PACK, location.pack_id.hex())

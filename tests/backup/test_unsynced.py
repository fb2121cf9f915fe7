"""The power goes at any moment of a real run: what was reported as done is there, all of it."""

import io
import os
import shutil
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from lpse_ops.cli.main import run as run_command
from lpse_ops.cli.wiring import App
from lpse_ops.errors import OpsError
from tests.backup.cheap_repository import PASSWORD, init_cheaply
from tests.backup.statejudge import (
    Judge,
    State,
    Stored,
    open_state,
    opening,
    read_all,
    read_state,
    without_locks,
    write_state,
)
from tests.backup.storing import store
from tests.backup.unsynced import Disk, Operation, crash_states, record, without_syncs
from tests.cli.commands import PROGRAM, clean_environment
from tests.restic_binaries import Restic

pytestmark = pytest.mark.skipif(not shutil.which("strace"), reason="apt-get install strace")

SEEDS = 3
SOAK_SEEDS = 100
PASSWORDS = (PASSWORD,)
NEW_PASSWORD = "new"
FORGET_AND_PRUNE = ("forget", "--keep-last", "1", "--prune", "--max-unused", "0%")
_PRELUDE = """
from datetime import UTC, datetime
from pathlib import Path
from lpse_ops.backup.keyfile import ScryptCost
from lpse_ops.backup.keyring import KeyOrigin, change_password, create_repository
from lpse_ops.backup.repository import open_repository
from lpse_ops.backup.storage.local import LocalBackend
origin = KeyOrigin("h", "u", datetime.now(UTC), ScryptCost(n=2, r=1, p=1))
"""


@dataclass
class Recorded:
    """A repository, what a run did to it, and its snapshots before and after."""

    words: tuple[str | Path, ...]
    disk: Disk
    operations: list[Operation]
    before: dict[str, Stored]
    after: dict[str, Stored]


@pytest.fixture
def judge(tmp_path: Path, restic_old: Restic, restic_new: Restic) -> Judge:
    folder = tmp_path / "judge"
    folder.mkdir()
    return Judge(folder, (restic_old, restic_new))


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    """One pack of them is large enough to be written past the page cache."""
    folder = tmp_path / "docs"
    folder.mkdir()
    (folder / "large.rhs").write_bytes(os.urandom(1_300_000))
    (folder / "small.pdf").write_bytes(os.urandom(5_000))
    return folder


@pytest.fixture
def repo(tmp_path: Path, docs: Path) -> Path:
    """Two snapshots, of which the older has data that nothing else needs."""
    root = init_cheaply(tmp_path / "repo")
    for size in (20_000, 10_000):
        (docs / "changes.pdf").write_bytes(os.urandom(size))
        store(root, docs)
    return root


def record_library(root: Path, code: str) -> list[Operation]:
    """Run Python lines on a ``backend``; the keys they make cost no time to open."""
    program = f"{_PRELUDE}\nbackend = LocalBackend(Path({str(root)!r}))\n{code}\nprint('done')"
    argv = [sys.executable, "-P", "-c", program]
    return record(argv, root, root.parent / "trace", _environment())


def _environment() -> dict[str, str]:
    return clean_environment() | {"PYTHONDONTWRITEBYTECODE": "1"}


def record_command(repo: Path, password: Path, *words: str | Path) -> Recorded:
    """Run ``lpse-ops backup WORDS`` on a repository."""
    disk, before = Disk.holding(repo), read_all(open_state(read_state(repo), PASSWORDS))
    argv = [*PROGRAM, "backup", *words, "--repo", repo, "--password-file", password]
    operations = record(argv, repo, repo.parent / "trace", _environment())
    after = read_all(open_state(read_state(repo), PASSWORDS))
    return Recorded(words, disk, operations, before, after)


def judge_all(
    recorded: Recorded,
    operations: list[Operation],
    judge: Judge,
    then: Callable[[State], None],
    seeds: int = SEEDS,
) -> int:
    """Fail at the first state that breaks a promise; return how many there were.

    ``then`` is called for each state that differs from those before it.
    """
    count = 0
    kept = recorded.before.keys() & recorded.after.keys()
    for state in crash_states(recorded.disk, operations, seeds=seeds):
        files = without_locks(state.files)
        distinct = judge.states
        try:
            found = judge.judge(files, PASSWORDS)
            must = recorded.after.keys() if state.reported else kept
            lost = must - found.keys()
            assert not lost, f"snapshots are lost: {lost}"
            if judge.states > distinct:
                then(files)
        except Exception as error:
            error.add_note(state.label)
            raise
        count += 1
    return count


def run_again(recorded: Recorded, password: Path, folder: Path) -> Callable[[State], None]:
    """The same command on what is left ends as it did, in a real folder."""

    def run(state: State) -> None:
        at = ("--repo", write_state(state, folder), "--password-file", password)
        app = App(stderr=io.StringIO())
        words = ["backup", *map(str, (*recorded.words, *at)), "--output", os.devnull]
        try:
            assert run_command(words, app) == 0, app.stderr
            stored = read_all(open_state(read_state(folder), PASSWORDS))
            expected = {each.digest for each in recorded.after.values()}
            assert {each.digest for each in stored.values()} == expected
        finally:
            shutil.rmtree(folder)

    return run


def judge_recorded(
    recorded: Recorded, judge: Judge, password: Path, folder: Path, seeds: int = SEEDS
) -> Counter[str]:
    """Judge all that a power cut can leave of a run; return how often it did what."""
    operations = recorded.operations
    again = run_again(recorded, password, folder)
    states = judge_all(recorded, operations, judge, again, seeds)
    assert states == (len(operations) + 1) * (3 + seeds)
    did = Counter(operation.kind for operation in operations)
    print(f"{recorded.words[0]}: {states} states, {judge.states} distinct, {dict(did)}")
    return did


def test_init(judge: Judge, tmp_path: Path) -> None:
    """There is no repository yet, or it opens; once reported, it opens."""
    root = tmp_path / "repo"
    root.mkdir()
    disk = Disk.holding(root)
    operations = record_library(root, f"create_repository(backend, {PASSWORD!r}, origin)")
    states = opened = 0
    for state in crash_states(disk, operations, seeds=SEEDS):
        states += 1
        if "config" in state.files:
            opened += 1
            assert judge.judge(state.files, PASSWORDS) == {}
        else:
            assert not state.reported
    assert states == (len(operations) + 1) * (3 + SEEDS)
    assert 0 < opened < states


def test_key_passwd(repo: Path, judge: Judge) -> None:
    """One of both passwords opens it; once reported, the new one does."""
    disk, before = Disk.holding(repo), read_all(open_state(read_state(repo), PASSWORDS))
    code = f"change_password(open_repository(backend, {PASSWORD!r}), {NEW_PASSWORD!r}, origin)"
    operations = record_library(repo, code)
    passwords = (PASSWORD, NEW_PASSWORD)
    found: Counter[bool] = Counter()
    for state in crash_states(disk, operations, seeds=SEEDS):
        assert judge.judge(state.files, passwords).keys() == before.keys()
        is_new = NEW_PASSWORD in opening(state.files, passwords)
        assert is_new or not state.reported
        found[is_new] += 1
    assert min(found[True], found[False]) > 0


def test_backup(repo: Path, docs: Path, password: Path, judge: Judge, tmp_path: Path) -> None:
    (docs / "large.rhs").write_bytes(os.urandom(1_300_000))
    recorded = record_command(repo, password, "run", docs)
    did = judge_recorded(recorded, judge, password, tmp_path / "again")
    # lock, packs of data and trees, index, snapshot
    assert did["create"] == did["rename"] == 5
    assert did["remove"] == 1
    assert did["sync"] >= 10
    assert did["report"] >= 1


def test_forget_prune(repo: Path, password: Path, judge: Judge, tmp_path: Path) -> None:
    recorded = record_command(repo, password, *FORGET_AND_PRUNE)
    assert len(recorded.before) == 2
    assert len(recorded.after) == 1
    did = judge_recorded(recorded, judge, password, tmp_path / "again")
    # the lock, an index at least, a snapshot and its packs, the old indexes
    assert did["create"] >= 2
    assert did["remove"] >= 5


def test_forget_and_prune_as_two_commands(
    repo: Path, password: Path, judge: Judge, tmp_path: Path
) -> None:
    """What one process removed and did not sync, the next must not build upon."""
    forget = record_command(repo, password, "forget", "--keep-last", "1")
    prune = record_command(repo, password, "prune", "--max-unused", "0%")
    operations = forget.operations + prune.operations
    both = Recorded(FORGET_AND_PRUNE, forget.disk, operations, forget.before, prune.after)
    did = judge_recorded(both, judge, password, tmp_path / "again")
    assert did["remove"] >= 5


def test_tag(repo: Path, password: Path, judge: Judge, tmp_path: Path) -> None:
    recorded = record_command(repo, password, "tag", "--add", "audit")
    assert not recorded.before.keys() & recorded.after.keys()
    did = judge_recorded(recorded, judge, password, tmp_path / "again")
    assert did["create"] == did["remove"] == 3


@pytest.mark.soak
def test_many_more_power_cuts(
    repo: Path, docs: Path, password: Path, judge: Judge, tmp_path: Path
) -> None:
    (docs / "large.rhs").write_bytes(os.urandom(1_300_000))
    for words in (("run", docs), ("tag", "--add", "audit"), FORGET_AND_PRUNE):
        recorded = record_command(repo, password, *words)
        judge_recorded(recorded, judge, password, tmp_path / "again", SOAK_SEEDS)


@pytest.mark.parametrize("forgotten", ["files", "folders", "both"])
def test_a_backup_that_forgets_fsync_is_caught(
    forgotten: str, repo: Path, docs: Path, password: Path, judge: Judge
) -> None:
    """Without this, the test above might be one that cannot fail."""
    recorded = record_command(repo, password, "run", docs)
    folders = {name for entry in recorded.disk.entries if entry.is_folder for name in entry.names}
    folders |= {each.name for each in recorded.operations if each.kind == "mkdir"}

    def is_kept(name: str) -> bool:
        return forgotten != "both" and (name in folders) is (forgotten == "files")

    forgetful = without_syncs(recorded.operations, is_kept)
    assert len(forgetful) < len(recorded.operations)
    with pytest.raises((AssertionError, OpsError)):
        judge_all(recorded, forgetful, judge, lambda _: None)

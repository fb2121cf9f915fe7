"""Several programs at work on one repository at the same time: nothing is lost.

Ours are real processes; the others are stock restic, old and new.  Whoever is locked out waits
(``--retry-lock``) or ends with "locked"; nobody may end in any other way.
"""

import os
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.backup.cheap_repository import PASSWORD
from tests.backup.modelworld import describe, read_documents
from tests.backup.storing import HOST, open_cheap, store
from tests.cli.commands import PROGRAM, Ended, clean_environment, lpse_ops
from tests.restic_binaries import Restic

LOCKED = 11
ROUNDS = 6


def make_documents(folder: Path, count: int = 40, size: int = 200_000) -> Path:
    folder.mkdir(parents=True)
    for number in range(count):
        (folder / f"{number}.rhs").write_bytes(os.urandom(size))
    return folder


def change(folder: Path, number: int) -> None:
    """A tenth of the documents are new."""
    for path in sorted(folder.iterdir())[number % 10 :: 10]:
        path.write_bytes(os.urandom(path.stat().st_size))


def assert_whole(repo: Path, restic: Restic) -> None:
    done = restic.run("check", "--read-data", repo=repo, password=PASSWORD)
    assert b"no errors were found" in done.stdout + done.stderr
    repository = open_cheap(repo)
    index = repository.load_index()
    for snapshot in repository.snapshots():
        read_documents(repository, index, snapshot, Path("/"))


def together(*actions: Callable[[], object]) -> list[object]:
    """Run all at once, to the end; what one raises comes out."""
    barrier = threading.Barrier(len(actions))

    def begin(action: Callable[[], object]) -> object:
        barrier.wait()
        return action()

    with ThreadPoolExecutor(len(actions)) as pool:
        return [each.result() for each in [pool.submit(begin, action) for action in actions]]


def ours(repo: Path, password: Path, *words: str | Path) -> Ended:
    return lpse_ops("backup", *words, "--repo", repo, "--password-file", password)


def stock(restic: Restic, repo: Path, *words: str | Path) -> int:
    done = restic.run(*words, repo=repo, password=PASSWORD, check=False)
    said = done.stderr + done.stdout
    assert done.returncode == 0 or b"locked" in said, said.decode()
    return done.returncode


def assert_newest_is(repo: Path, folder: Path) -> None:
    repository = open_cheap(repo)
    index = repository.load_index()
    mine = [each for each in repository.snapshots() if each.paths == (str(folder),)]
    assert read_documents(repository, index, mine[-1], folder) == describe(folder)


def test_two_writers_store_the_same_and_different_documents(
    repo: Path, password: Path, tmp_path: Path, restic: Restic
) -> None:
    one = make_documents(tmp_path / "one")
    two = Path(shutil.copytree(one, tmp_path / "two"))
    make_documents(two / "more", 10)
    for number in range(3):
        change(one, number)
        ended = together(
            lambda: ours(repo, password, "run", one),
            lambda: ours(repo, password, "run", two),
        )
        assert [each.code for each in ended] == [0, 0], ended  # type: ignore[attr-defined]
        assert_newest_is(repo, one)
        assert_newest_is(repo, two)
    assert len(open_cheap(repo).snapshots()) == 6
    assert_whole(repo, restic)


def test_our_writer_and_a_stock_writer(
    repo: Path, password: Path, tmp_path: Path, restic: Restic
) -> None:
    one = make_documents(tmp_path / "one")
    two = Path(shutil.copytree(one, tmp_path / "two"))
    ended = together(
        lambda: ours(repo, password, "run", one).code,
        lambda: stock(restic, repo, "backup", two),
    )
    assert ended == [0, 0]
    assert_newest_is(repo, one)
    assert_newest_is(repo, two)
    assert_whole(repo, restic)


def test_readers_see_whole_snapshots_while_a_writer_writes(
    repo: Path, password: Path, tmp_path: Path, restic_new: Restic
) -> None:
    folder = make_documents(tmp_path / "docs")
    store(repo, folder)
    first = open_cheap(repo).snapshots()[0]
    before = describe(folder)
    writing = threading.Event()
    writing.set()

    def write() -> None:
        try:
            for number in range(3):
                change(folder, number)
                assert ours(repo, password, "run", folder).code == 0
        finally:
            writing.clear()

    def read() -> int:
        rounds = 0
        while writing.is_set() or not rounds:
            target = tmp_path / f"restored-{rounds}"
            ended = ours(repo, password, "restore", first.id, "--target", target, "--verify")
            assert ended.code == 0, ended.stderr
            assert describe(target / folder.relative_to("/")) == before
            rounds += 1
        return rounds

    assert together(write, read)[1]
    assert_whole(repo, restic_new)


@pytest.mark.parametrize("remover", ["stock", "ours"])
def test_a_prune_never_takes_the_packs_of_a_running_backup(
    repo: Path, password: Path, tmp_path: Path, restic: Restic, remover: str
) -> None:
    """Backups and prunes start at the same moments; who comes second waits or is told why."""
    folder = make_documents(tmp_path / "docs")
    store(repo, folder)

    def prune() -> int:
        options = ("--keep-last=1", "--prune", "--max-unused=0")
        if remover == "stock":
            return stock(restic, repo, "forget", *options)
        ended = ours(repo, password, "forget", *options)
        assert ended.code in (0, LOCKED), ended.stderr
        return ended.code

    def back_up() -> int:
        ended = ours(repo, password, "run", folder, "--host", HOST, "--retry-lock", "1m")
        assert ended.code == 0, ended.stderr
        return ended.code

    pruned = 0
    for number in range(ROUNDS):
        change(folder, number)
        pause = 0.1 * number

        def late_prune(pause: float = pause) -> int:
            time.sleep(pause)
            return prune()

        pruned += together(back_up, late_prune)[1] == 0
        assert_newest_is(repo, folder)
        assert_whole(repo, restic)
    assert prune() == 0
    assert len(open_cheap(repo).snapshots()) == 1
    assert_newest_is(repo, folder)


def test_a_backup_whose_lock_was_taken_away_saves_nothing_that_a_prune_removed(
    repo: Path, password: Path, tmp_path: Path, restic_new: Restic
) -> None:
    """``unlock --remove-all`` under a running backup is a mistake, but must cost no data."""
    folder = make_documents(tmp_path / "docs", 60, 1_000_000)
    store(repo, make_documents(tmp_path / "other", 2))
    words = ["backup", "run", "--repo", repo, "--password-file", password, folder]
    with Running(words) as backup:
        backup.wait_for_packs(repo, 4)
        backup.stop()
        restic_new.run("unlock", "--remove-all", repo=repo, password=PASSWORD)
        restic_new.run("prune", repo=repo, password=PASSWORD)
        backup.go_on()
        code, said = backup.end()
    assert code == LOCKED, said
    assert "lock" in said
    assert len(open_cheap(repo).snapshots()) == 1
    assert_whole(repo, restic_new)
    assert ours(repo, password, "run", folder).code == 0
    assert_newest_is(repo, folder)
    assert_whole(repo, restic_new)


class Running:
    """Our command in a process group of its own, which can be stopped and go on."""

    def __init__(self, words: Sequence[str | Path]) -> None:
        self._words = [str(word) for word in words]

    def __enter__(self) -> "Running":

        self._process = subprocess.Popen(
            [*PROGRAM, *self._words],
            env=clean_environment(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            process_group=0,
        )
        return self

    def __exit__(self, *_: object) -> None:
        self.go_on()
        self._process.kill()
        self._process.wait()

    def wait_for_packs(self, repo: Path, count: int) -> None:
        deadline = time.monotonic() + 60
        while len(list(repo.glob("data/*/*"))) < count:
            assert time.monotonic() < deadline
            time.sleep(0.002)

    def stop(self) -> None:
        os.killpg(self._process.pid, signal.SIGSTOP)

    def go_on(self) -> None:
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGCONT)

    def end(self) -> tuple[int, str]:
        _, said = self._process.communicate(timeout=60)
        return self._process.returncode, said.decode()

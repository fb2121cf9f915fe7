"""Our lock and that of a live stock restic: each respects the other's."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import pytest

from lpse_ops.backup.locking import hold_lock, unlock
from lpse_ops.errors import RepositoryLocked
from tests.backup.cheap_repository import PASSWORD, init_cheaply
from tests.backup.storing import open_cheap
from tests.restic_binaries import Restic

# As the command line does: SIGTERM unwinds the program.
HOLDER = """
import signal, sys
from pathlib import Path
from lpse_ops.backup.locking import hold_lock
from lpse_ops.backup.repository import open_repository
from lpse_ops.backup.storage.local import LocalBackend

signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
repository = open_repository(LocalBackend(Path(sys.argv[1])), sys.argv[2])
with hold_lock(repository, exclusive=bool(sys.argv[3])):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return init_cheaply(tmp_path / "repo")


@pytest.fixture
def source(tmp_path: Path) -> Path:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "a.txt").write_text("a")
    return tmp_path / "docs"


@contextmanager
def our_process(root: Path, *, exclusive: bool = False) -> Iterator["subprocess.Popen[bytes]"]:
    """A process that holds our lock until its input ends."""
    argv = [sys.executable, "-c", HOLDER, str(root), PASSWORD, "yes" if exclusive else ""]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"held\n"
        try:
            yield process
        finally:
            process.kill()


@contextmanager
def restic_waiting(restic: Restic, root: Path, *args: str) -> Iterator["subprocess.Popen[bytes]"]:
    """A live restic that has its lock and waits for input that does not come."""
    argv = [str(restic.path), "--repo", str(root), "--no-cache", *args]
    environment = {**os.environ, "RESTIC_PASSWORD": PASSWORD}
    with subprocess.Popen(
        argv,
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=environment,
    ) as process:
        deadline = time.monotonic() + 20
        # Its second look comes after 200 ms; only then the lock is sure.
        while not locks(root) or age(locks(root)[0]) < 0.4:
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.02)
        try:
            yield process
        finally:
            process.kill()


def locks(root: Path) -> list[Path]:
    return list((root / "locks").iterdir())


def age(path: Path) -> float:
    return time.time() - path.stat().st_mtime


def exit_code(restic: Restic, root: Path, *args: str | Path) -> int:
    return restic.run(*args, repo=root, password=PASSWORD, check=False).returncode


def locked_code(restic: Restic) -> int:
    return 1 if restic.version.startswith("0.14") else 11


def test_our_shared_lock_blocks_prune_and_forget_and_lets_backup_through(
    restic: Restic, root: Path, source: Path
) -> None:
    restic.run("backup", source, repo=root, password=PASSWORD)
    with hold_lock(open_cheap(root)):
        assert exit_code(restic, root, "prune") == locked_code(restic)
        assert exit_code(restic, root, "forget", "--keep-last=1", "--prune") == locked_code(restic)
        assert exit_code(restic, root, "backup", source) == 0
        assert exit_code(restic, root, "snapshots") == 0
        assert len(locks(root)) == 1
    assert exit_code(restic, root, "prune") == 0


def test_our_exclusive_lock_blocks_everything(restic: Restic, root: Path, source: Path) -> None:
    with hold_lock(open_cheap(root), exclusive=True):
        assert exit_code(restic, root, "backup", source) == locked_code(restic)
        assert exit_code(restic, root, "check") == locked_code(restic)
    assert exit_code(restic, root, "backup", source) == 0


def test_restic_reads_what_our_lock_says(restic_new: Restic, root: Path) -> None:
    with hold_lock(open_cheap(root)):
        (path,) = locks(root)
        done = restic_new.run("cat", "lock", path.name, "--no-lock", repo=root, password=PASSWORD)
        said = json.loads(done.stdout)
        assert (said["pid"], said["exclusive"]) == (os.getpid(), False)
        assert datetime.fromisoformat(said["time"]).utcoffset() is not None


def test_the_exclusive_lock_of_a_live_restic_blocks_us(
    restic: Restic, root: Path, tmp_path: Path
) -> None:
    os.mkfifo(tmp_path / "password")
    waiting = ("key", "passwd", "--new-password-file", str(tmp_path / "password"))
    with restic_waiting(restic, root, *waiting) as process:
        with pytest.raises(RepositoryLocked, match=f"exclusively locked by PID {process.pid} on"):
            hold_lock(open_cheap(root)).__enter__()
        assert unlock(open_cheap(root), datetime.now().astimezone()) == []
    # Killed, its lock stays: only unlock may know that it is dead.
    with pytest.raises(RepositoryLocked):
        hold_lock(open_cheap(root)).__enter__()
    assert len(unlock(open_cheap(root), datetime.now().astimezone())) == 1
    with hold_lock(open_cheap(root), exclusive=True):
        pass


def test_the_shared_lock_of_a_live_restic_blocks_only_our_exclusive_one(
    restic: Restic, root: Path
) -> None:
    with restic_waiting(restic, root, "backup", "--stdin") as process:
        with hold_lock(open_cheap(root)):
            assert len(locks(root)) == 2
        with pytest.raises(RepositoryLocked, match=f"locked by PID {process.pid}"):
            hold_lock(open_cheap(root), exclusive=True).__enter__()
        assert process.stdin is not None
        process.stdin.write(b"x")
        process.stdin.close()
        assert process.wait(20) == 0


def test_we_survive_the_hangup_of_restic_unlock_and_keep_the_lock(
    restic: Restic, root: Path
) -> None:
    with our_process(root) as process:
        restic.run("unlock", repo=root, password=PASSWORD)
        assert process.poll() is None
        assert len(locks(root)) == 1
        process.communicate(b"")
        assert process.returncode == 0
    assert locks(root) == []


def test_the_lock_is_released_on_sigterm(root: Path) -> None:
    with our_process(root, exclusive=True) as process:
        process.terminate()
        assert process.wait(20) == 128 + signal.SIGTERM
    assert locks(root) == []


def test_a_lock_of_ours_that_was_killed_is_cleared_without_asking(
    restic_new: Restic, root: Path
) -> None:
    with our_process(root, exclusive=True) as process:
        process.kill()
    assert len(locks(root)) == 1
    assert exit_code(restic_new, root, "snapshots") == locked_code(restic_new)
    with hold_lock(open_cheap(root), exclusive=True):
        assert len(locks(root)) == 1
    assert locks(root) == []


def test_a_lock_of_ours_that_was_killed_is_stale_for_restic_unlock(
    restic: Restic, root: Path
) -> None:
    with our_process(root) as process:
        process.kill()
    restic.run("unlock", repo=root, password=PASSWORD)
    assert locks(root) == []

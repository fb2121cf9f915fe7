"""kill -9 in the middle: no snapshot appears, older ones restore, the next run goes on."""

import contextlib
import os
import random
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from lpse_ops.postgres.installation import Installation
from tests.backup.cheap_repository import PASSWORD
from tests.backup.nasty_tree import describe_tree
from tests.backup.storing import open_cheap, store
from tests.cli.commands import PROGRAM, clean_environment, lpse_ops
from tests.postgres.servers import Server, open_server
from tests.restic_binaries import Restic

KILLS = 8


@pytest.fixture
def growing(tmp_path: Path) -> Path:
    """Enough documents that a backup of them can be hit at any stage."""
    folder = tmp_path / "growing"
    folder.mkdir()
    for number in range(30):
        (folder / f"{number}.rhs").write_bytes(os.urandom(3_000_000))
    return folder


def start(*args: str | Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [*PROGRAM, *map(str, args)],
        env=clean_environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )


def wait_for_packs(repo: Path, count: int) -> None:
    deadline = time.monotonic() + 60
    while len(list(repo.glob("data/*/*"))) < count:
        assert time.monotonic() < deadline
        time.sleep(0.005)


def packs(repo: Path) -> set[str]:
    return {path.name for path in repo.glob("data/*/*")}


def test_kill_9_at_any_moment_harms_nothing(
    repo: Path, docs: Path, growing: Path, password: Path, restic_new: Restic, tmp_path: Path
):
    at = ("--repo", repo, "--password-file", password)
    store(repo, docs)
    before = describe_tree(docs)
    chance = random.Random(20260102)
    for _ in range(KILLS):
        process = start("backup", "run", *at, growing)
        time.sleep(0.35 + chance.random() * 0.6)
        process.send_signal(signal.SIGKILL)
        process.communicate()
    saved = {tuple(each.paths) for each in open_cheap(repo).snapshots()}
    finished = (str(growing),) in saved
    # What was stored by the killed runs, and is in an index, is used by the next one.
    ended = lpse_ops("backup", "run", *at, growing, "--format", "json")
    assert ended.code == 0, ended.stderr
    if not finished:
        assert saved == {(str(docs),)}
    restic_new.run("check", "--read-data", repo=repo, password=PASSWORD)
    for snapshot in open_cheap(repo).snapshots():
        out = tmp_path / snapshot.id
        restic_new.run("restore", snapshot.id, "--target", out, repo=repo, password=PASSWORD)
    oldest = min(open_cheap(repo).snapshots(), key=lambda each: each.time)
    assert describe_tree(tmp_path / oldest.id / docs.relative_to("/")) == before


def test_the_workers_of_a_killed_backup_end(repo: Path, growing: Path, password: Path):
    process = start("backup", "run", "--repo", repo, "--password-file", password, growing)
    wait_for_packs(repo, 1)
    children = _children(process.pid)
    assert children
    process.kill()
    process.communicate()
    deadline = time.monotonic() + 20
    while any(_is_alive(child) for child in children):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_killed_worker_fails_the_backup_with_a_hint(repo: Path, growing: Path, password: Path):
    process = start("backup", "run", "--repo", repo, "--password-file", password, growing)
    wait_for_packs(repo, 1)
    os.kill(_children(process.pid)[0], signal.SIGKILL)
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == 1
    assert b"worker process" in stderr
    assert b"dmesg" in stderr
    assert open_cheap(repo).snapshots() == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_and_leaves_no_lock(
    repo: Path, growing: Path, password: Path, number: signal.Signals
):
    process = start("backup", "run", "--repo", repo, "--password-file", password, growing)
    wait_for_packs(repo, 1)
    process.send_signal(number)
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == 128 + number, stderr
    assert not list((repo / "locks").iterdir())
    assert open_cheap(repo).snapshots() == []


# -- PostgreSQL --------------------------------------------------------------------------------


@pytest.fixture
def big_database(server: Server) -> Iterator[str]:
    """Some 120 MB, so that a dump takes a moment."""
    name = server.new_database()
    with psycopg.connect(server.cluster.url(name), autocommit=True) as session:
        session.execute(
            "CREATE TABLE paket AS SELECT i AS id, md5(i::text) || md5((i+1)::text) AS nama "
            "FROM generate_series(1, 1200000) AS i"
        )
    yield name
    server.execute(f"DROP DATABASE {name}")


def test_kill_9_of_pg_dump_saves_nothing_and_the_next_run_uses_what_was_stored(
    repo: Path, docs: Path, password: Path, server: Server, big_database: str
):
    store(repo, docs)
    command = (
        *("backup", "run", "--repo", repo, "--password-file", password, docs),
        *("--database", server.cluster.url(big_database)),
    )
    process = start(*command)
    pg_dump = _wait_for_dump(process.pid)
    os.kill(pg_dump, signal.SIGKILL)
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == 1
    assert b"pg_dump" in stderr
    assert len(stderr.splitlines()) >= 2
    assert len(open_cheap(repo).snapshots()) == 1
    done = lpse_ops(*command, "--format", "json")
    assert done.code == 0, done.stderr
    assert done.json()["databases"][0]["row_counts"]["tables"] == {"public.paket": 1_200_000}


def test_kill_9_of_the_server_saves_nothing(
    repo: Path, docs: Path, password: Path, system_installation: Installation
):
    store(repo, docs)
    with open_server(system_installation) as doomed:
        url = doomed.cluster.url("postgres")
        with psycopg.connect(url, autocommit=True) as session:
            session.execute(
                "CREATE TABLE t AS SELECT i, repeat(md5(i::text), 9) AS x "
                "FROM generate_series(1, 300000) AS i"
            )
        process = start(
            *("backup", "run", "--repo", repo, "--password-file", password, docs),
            *("--database", url),
        )
        _wait_for_dump(process.pid)
        for pid in [doomed.cluster.pid, *_children(doomed.cluster.pid)]:
            os.kill(pid, signal.SIGKILL)
        _, stderr = process.communicate(timeout=60)
    assert process.returncode == 1, stderr
    assert stderr.count(b"error:") >= 1
    assert stderr.count(b"hint:") == 1
    assert len(open_cheap(repo).snapshots()) == 1
    assert lpse_ops("backup", "run", "-r", repo, "-p", password, docs).code == 0


def _children(pid: int) -> list[int]:
    found = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # a thread that ended
            found += [int(each) for each in (task / "children").read_text().split()]
    return found


def _wait_for_dump(pid: int) -> int:
    """The pg_dump that dumps; the one before it only tells its version."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        for child in _children(pid):
            if "--format=custom" in _command_line(child):
                return child
        time.sleep(0.002)
    raise AssertionError("no pg_dump was started")


def _command_line(pid: int) -> list[str]:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text().split("\0")
    except OSError:
        return []


def _is_alive(pid: int) -> bool:
    return bool(_command_line(pid)[:-1])

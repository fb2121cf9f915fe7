"""Nothing that a dump starts outlives its scratch server, nor sees more than it has to."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from lpse_ops.errors import PostgresError
from lpse_ops.postgres.apart import open_kept
from lpse_ops.postgres.installation import Installation
from lpse_ops.postgres.scratch import ScratchCluster
from tests.postgres.conftest import folder
from tests.postgres.test_scratch import wait_until

__all__ = ["folder"]

# What a function in a dump may run: a daemon that leaves its parents and its session, and one
# that holds on to all it was given.
_MARK = "36000.{number}"
_START = "setsid setsid sh -c 'trap : TERM QUIT HUP; sleep {mark}; sleep {mark}' >/dev/null 2>&1 &"


def run_in(cluster: ScratchCluster, command: str) -> str:
    """What a program says that the server runs, as a hostile dump has it run."""
    with psycopg.connect(cluster.url("postgres"), autocommit=True) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS said (line text)")
        connection.execute("TRUNCATE said")
        copy = f"COPY said FROM PROGRAM $sh${command}$sh$"
        connection.execute(copy.encode())
        rows = connection.execute("SELECT line FROM said").fetchall()
    return "\n".join(str(line) for (line,) in rows)


def running(mark: str) -> list[int]:
    """Processes of the whole machine that have the mark among their arguments."""
    found = []
    for place in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            if mark.encode() in place.read_bytes():
                found.append(int(place.parent.name))
    return found


@pytest.fixture
def mark() -> Iterator[str]:
    made = _MARK.format(number=time.monotonic_ns())
    yield made
    for pid in running(made):
        os.kill(pid, signal.SIGKILL)


@pytest.mark.parametrize("apart", [True, False])
def test_a_daemon_of_the_dump_ends_with_the_server(
    folder: Path, system_installation: Installation, mark: str, apart: bool
) -> None:
    with ScratchCluster(folder, binaries=system_installation.folder, apart=apart) as cluster:
        assert cluster.is_apart is apart
        run_in(cluster, _START.format(mark=mark))
        wait_until(lambda: running(mark))
    assert running(mark) == []
    assert list(folder.iterdir()) == []


SLEEPER = """
import sys, time
from pathlib import Path
from lpse_ops.postgres.scratch import ScratchCluster
with ScratchCluster(Path(sys.argv[1]), binaries=Path(sys.argv[2]), apart=True) as cluster:
    print(cluster.url("postgres"), flush=True)
    time.sleep(600)
"""


@pytest.mark.parametrize("whom", ["the drill", "the keeper"])
def test_a_daemon_of_the_dump_ends_with_whoever_is_killed(
    folder: Path, system_installation: Installation, mark: str, whom: str
) -> None:
    argv = [sys.executable, "-c", SLEEPER, folder, system_installation.folder]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            url = process.stdout.readline().strip()
            with psycopg.connect(url, autocommit=True) as connection:
                start = _START.format(mark=mark)
                connection.execute(
                    f"COPY (SELECT 1) TO PROGRAM $sh$cat > /dev/null; {start}$sh$".encode()
                )
            wait_until(lambda: running(mark))
            [keeper] = [pid for pid in running(str(folder / "scratch-cluster")) if is_unshare(pid)]
            os.kill(process.pid if whom == "the drill" else keeper, signal.SIGKILL)
            wait_until(lambda: not running(mark))
            wait_until(lambda: not servers_in(folder))
        finally:
            process.kill()


def is_unshare(pid: int) -> bool:
    with contextlib.suppress(OSError):  # a session of the server, which ends
        return Path(f"/proc/{pid}/comm").read_text() == "unshare\n"
    return False


def servers_in(folder: Path) -> list[str]:
    """Processes that stand in the folder, as a server does in its data."""
    found = []
    for place in Path("/proc").glob("[0-9]*/cwd"):
        with contextlib.suppress(OSError):
            if place.readlink().is_relative_to(folder):
                found.append(place.parent.name)
    return found


def test_apart_there_is_no_other_process_no_network_and_no_socket_of_the_machine(
    folder: Path, system_installation: Installation
) -> None:
    with ScratchCluster(folder, binaries=system_installation.folder, apart=True) as cluster:
        own = run_in(cluster, "cat /proc/1/cmdline | tr '\\0' ' '")
        assert "keeper.py" in own
        assert str(os.getpid()) not in run_in(cluster, "ls /proc").split("\n")
        assert run_in(cluster, "tail -n +3 /proc/net/dev | cut -d: -f1").split() == ["lo"]
        assert run_in(cluster, "wc -l < /proc/net/route") == "1"
        assert run_in(cluster, "ls -A /run") == ""
        assert run_in(cluster, "grep -c NoNewPrivs:.1 /proc/self/status") == "1"
        assert run_in(cluster, "kill -9 1; echo alive") == "alive"
    assert list(folder.iterdir()) == []


def test_a_keeper_that_cannot_start_is_an_error(tmp_path: Path) -> None:
    with (
        pytest.raises(PostgresError, match="process that a scratch cluster lives in has ended"),
        open_kept(["/nonexistent/pg_ctl"], tmp_path / "data", account=None),
    ):
        pass

import multiprocessing
import os
import pwd
import signal
import subprocess
import sys
import time
from pathlib import Path

import psycopg
import pytest

from lpse_ops.errors import PostgresError
from lpse_ops.postgres.installation import Installation
from lpse_ops.postgres.scratch import ScratchCluster, find_binaries


def ask(url, query):
    with psycopg.connect(url) as connection:
        return connection.execute(query).fetchone()


@pytest.fixture(params=["system_installation", "bundled_installation"])
def installation(request):
    return request.getfixturevalue(request.param)


def test_starts_and_leaves_nothing_behind(folder, installation):
    with ScratchCluster(folder, binaries=installation.folder) as cluster:
        pid = cluster.pid
        encoding, collate, fsync, addresses = ask(
            cluster.url("postgres"),
            "SELECT current_setting('server_encoding'), datcollate, current_setting('fsync'),"
            " current_setting('listen_addresses') FROM pg_database WHERE datname = 'postgres'",
        )
        assert (encoding, collate, fsync, addresses) == ("UTF8", "C.UTF-8", "off", "")
        version = ask(cluster.url("postgres"), "SHOW server_version")[0]
        assert version.split()[0] == installation.version
        # Nobody but its account reaches the socket.
        home = folder / "scratch-cluster"
        assert home.stat().st_mode & 0o777 == 0o700
        if os.geteuid() == 0:
            assert home.stat().st_uid == pwd.getpwnam("postgres").pw_uid
    assert list(folder.iterdir()) == []
    assert not is_running(pid)


def test_settings_can_be_given(folder, system_installation):
    settings = {"work_mem": "5MB", "application_name": "it's \\ a test"}
    with (
        ScratchCluster(folder, binaries=system_installation.folder, settings=settings) as cluster,
        psycopg.connect(cluster.url("postgres"), application_name=None) as connection,
    ):
        assert connection.execute("SHOW fsync").fetchone() == ("on",)
        assert connection.execute("SHOW work_mem").fetchone() == ("5MB",)
        reset = "SELECT reset_val FROM pg_settings WHERE name = 'application_name'"
        assert connection.execute(reset).fetchone() == ("it's \\ a test",)


def test_long_folder_gets_a_short_socket(folder, system_installation):
    deep = folder / ("n" * 80) / "with space, and comma"
    deep.mkdir(parents=True)
    for path in (deep, deep.parent):
        path.chmod(0o711)
    with ScratchCluster(deep, binaries=system_installation.folder) as cluster:
        assert ask(cluster.url("postgres"), "SELECT 1") == (1,)
        socket_folder = Path(
            ask(cluster.url("postgres"), "SHOW unix_socket_directories")[0].strip('"')
        )
        assert socket_folder.parts[1] == "tmp"
        assert socket_folder.stat().st_mode & 0o777 == 0o700
    assert not socket_folder.parent.exists()


def test_database_names_with_special_characters(folder, system_installation):
    name = "a/b c?%ä'"
    with ScratchCluster(folder, binaries=system_installation.folder) as cluster:
        with psycopg.connect(cluster.url("postgres"), autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{name}"')
        assert ask(cluster.url(name), "SELECT current_database()") == (name,)


def test_ends_well_after_the_server_crashed(folder, system_installation):
    with ScratchCluster(folder, binaries=system_installation.folder) as cluster:
        os.kill(cluster.pid, signal.SIGKILL)
    assert list(folder.iterdir()) == []


def test_stops_when_the_block_fails(folder, system_installation):
    pids = []

    def fail():
        with ScratchCluster(folder, binaries=system_installation.folder) as cluster:
            pids.append(cluster.pid)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert not is_running(pids[0])


SLEEPER = """
import sys, time
from pathlib import Path
from lpse_ops.postgres.scratch import ScratchCluster
with ScratchCluster(Path(sys.argv[1]), binaries=Path(sys.argv[2])) as cluster:
    print(cluster.pid, flush=True)
    time.sleep(600)
"""


def test_a_killed_run_leaves_no_server_and_no_data(folder, system_installation):
    argv = [sys.executable, "-c", SLEEPER, folder, system_installation.folder]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as process:
        pid = int(process.stdout.readline())
        assert is_running(pid)
        process.kill()
    wait_until(lambda: not is_running(pid))
    wait_until(lambda: not (folder / "scratch-cluster" / "data").exists())
    with ScratchCluster(folder, binaries=system_installation.folder) as cluster:
        assert ask(cluster.url("postgres"), "SELECT 1") == (1,)


def test_a_server_left_running_is_stopped_first(folder, system_installation):
    with ScratchCluster(folder, binaries=system_installation.folder) as first:
        pid = first.pid
        with ScratchCluster(folder, binaries=system_installation.folder) as second:
            assert second.pid != pid
            assert not is_running(pid)
            assert ask(second.url("postgres"), "SELECT 1") == (1,)


def test_a_foreign_process_number_is_left_alone(folder, system_installation):
    with subprocess.Popen(["sleep", "60"]) as stranger:
        data = folder / "scratch-cluster" / "data"
        data.mkdir(parents=True)
        (data / "postmaster.pid").write_text(f"{stranger.pid}\n{data}\n")
        with ScratchCluster(folder, binaries=system_installation.folder):
            assert stranger.poll() is None
        stranger.kill()


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become somebody else")
def test_works_for_a_plain_user(folder, system_installation):
    nobody = pwd.getpwnam("nobody")
    os.chown(folder, nobody.pw_uid, nobody.pw_gid)
    folder.chmod(0o700)

    def run_as_nobody():
        os.setgroups([])
        os.setgid(nobody.pw_gid)
        os.setuid(nobody.pw_uid)
        if not os.access(sys.executable, os.X_OK):  # one in a home of root's
            sys.executable = "/usr/bin/python3"
        with ScratchCluster(folder, binaries=system_installation.folder) as cluster:
            assert ask(cluster.url("postgres"), "SELECT 1") == (1,)
            assert (folder / "scratch-cluster" / "data").stat().st_uid == nobody.pw_uid

    process = multiprocessing.get_context("fork").Process(target=run_as_nobody)
    process.start()
    process.join(60)
    assert process.exitcode == 0


@pytest.mark.skipif(os.geteuid() != 0, reason="root alone works for another account")
def test_a_folder_out_of_reach_is_named(folder, system_installation):
    inner = folder / "closed" / "inner"
    inner.mkdir(parents=True)
    (folder / "closed").chmod(0o700)
    with (
        pytest.raises(PostgresError) as failed,
        ScratchCluster(inner, binaries=system_installation.folder),
    ):
        pass
    assert str(inner) in failed.value.message
    assert "/var/tmp" in failed.value.hint


def test_a_failing_start_says_why(folder, system_installation):
    settings = {"shared_buffers": "nonsense"}
    with (
        pytest.raises(PostgresError, match="shared_buffers"),
        ScratchCluster(folder, binaries=system_installation.folder, settings=settings),
    ):
        pass
    assert list(folder.iterdir()) == []


def test_finds_the_newest_system_installation(system_installation: Installation):
    assert find_binaries() == system_installation.folder


def is_running(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def wait_until(claim):
    deadline = time.monotonic() + 20
    while not claim():
        assert time.monotonic() < deadline
        time.sleep(0.05)

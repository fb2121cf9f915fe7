import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from lpse_ops.errors import ProcessFailed
from lpse_ops.process import Account, open_program, run


def test_run_gives_status_and_both_outputs():
    finished = run(["sh", "-c", "cat; echo wrong >&2; exit 3"], stdin=b"\x00in")
    assert (finished.status, finished.stdout, finished.stderr) == (3, b"\x00in", "wrong\n")


def test_run_uses_the_given_environment_only():
    assert run(["/usr/bin/env"], environment={"A": "1"}).stdout == b"A=1\n"


@pytest.mark.skipif(os.geteuid() != 0, reason="root alone may become somebody else")
def test_run_as_another_account_keeps_no_group_of_ours():
    finished = run(["id", "--groups"], account=Account(65534, 65534))
    assert finished.stdout == b"65534\n"


@pytest.mark.parametrize("start", [run, lambda argv: open_program(argv, pipe="stdin").__enter__()])
def test_a_missing_program_is_named(start):
    with pytest.raises(ProcessFailed) as failed:
        start(["/nowhere/pg_dump"])
    assert "/nowhere/pg_dump" in failed.value.message
    assert "install the program pg_dump" in failed.value.hint


def test_too_slow_is_an_error():
    with pytest.raises(ProcessFailed, match=r"sleep did not end within 0\.1 seconds"):
        run(["sleep", "60"], timeout_seconds=0.1)


def test_reads_a_stream_while_the_program_runs():
    with open_program(["head", "-c", "3000000", "/dev/zero"], pipe="stdout") as program:
        size = 0
        buffer = bytearray(1 << 16)
        while count := program.pipe.readinto(buffer):
            size += count
        assert program.wait().status == 0
    assert size == 3_000_000


def test_writes_a_stream():
    with open_program(["sh", "-c", "wc -c >&2"], pipe="stdin") as program:
        program.pipe.write(b"x" * 1000)
        assert program.wait().stderr.strip() == "1000"


def test_keeps_the_last_lines_of_a_flood_of_messages():
    flood = "i=0; while [ $i -lt 20000 ]; do echo line $i >&2; i=$((i+1)); done; echo done"
    with open_program(["sh", "-c", flood], pipe="stdout") as program:
        assert program.pipe.read() == b"done\n"
        lines = program.wait().stderr.splitlines()
    assert lines[-1] == "line 19999"
    assert len(lines) == 40


def test_a_message_without_line_ends_stays_bounded():
    argv = ["sh", "-c", "head -c 3000000 /dev/zero >&2"]
    with open_program(argv, pipe="stdout") as program:
        program.pipe.read()
        assert len(program.wait().stderr) <= 40 * 2000


def test_a_signal_shows_as_a_negative_status():
    with open_program(["sleep", "60"], pipe="stdout") as program:
        os.kill(program.pid, signal.SIGKILL)
        assert program.wait().status == -signal.SIGKILL


@pytest.mark.parametrize("script", ["sleep 60", "trap '' TERM; echo; exec sleep 60"])
def test_leaving_the_block_ends_the_program(script):
    argv = ["bash", "-c", script]
    pids = []

    def fail():
        with open_program(argv, pipe="stdout", patience_seconds=0.5) as program:
            pids.append(program.pid)
            if "echo" in script:
                program.pipe.read(1)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert not Path(f"/proc/{pids[0]}").exists()


STARTER = """
import sys, time
from lpse_ops.process import open_program
with open_program(["cat", "/dev/zero"], pipe="stdout") as program:
    print(program.pid, flush=True)
    time.sleep(600)
"""


def test_a_killed_starter_takes_the_program_with_it():
    argv = [sys.executable, "-c", STARTER]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as starter:
        pid = int(starter.stdout.readline())
        assert Path(f"/proc/{pid}").exists()
        starter.kill()
    deadline = time.monotonic() + 10
    while Path(f"/proc/{pid}/cmdline").exists() and Path(f"/proc/{pid}/cmdline").read_bytes():
        assert time.monotonic() < deadline
        time.sleep(0.05)

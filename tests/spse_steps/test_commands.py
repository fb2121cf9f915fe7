"""Programs of others: as which account they run, how long, and what is kept of what they say."""

import os
import pwd
import subprocess
import time

import pytest
from spse_steps.commands import TIMED_OUT, run_command
from spse_steps.errors import StepFailed
from spse_steps.processes import (
    available_bytes,
    end_processes,
    find_marked,
    is_alive,
    read_process,
    resident_bytes,
)

ME = pwd.getpwuid(os.geteuid()).pw_name
NOBODY = pwd.getpwnam("nobody")


def shell(text, *, account=ME, seconds=10, **options):
    return run_command(["/bin/sh", "-c", text], account=account, seconds=seconds, **options)


def test_exit_status_and_both_outputs():
    ended = shell("echo out; echo err >&2; exit 3")
    assert ended == (3, "out\n", "err\n")
    assert ended.output == "out\nerr"


def test_it_is_the_account_in_full():
    ended = shell("id -u; id -g; id -G; echo $HOME", account="nobody")
    uid, gid, groups, home = ended.stdout.split("\n")[:4]
    assert (int(uid), int(gid), home) == (NOBODY.pw_uid, NOBODY.pw_gid, NOBODY.pw_dir)
    assert "0" not in groups.split()


def test_nothing_of_our_environment_and_input_goes_along(tmp_path):
    os.environ["PGPASSWORD"] = "rahasia"
    try:
        ended = shell("echo ${PGPASSWORD-none} $A; cat", environment={"A": "b"}, stdin=b"given")
    finally:
        del os.environ["PGPASSWORD"]
    assert ended.stdout == "none b\ngiven"
    (tmp_path / "in").write_text("file")
    with (tmp_path / "in").open("rb") as stream:
        assert shell("cat", stdin=stream).stdout == "file"


def test_an_output_without_end_is_kept_in_part():
    ended = shell("yes | head -c 3000000; echo last")
    assert len(ended.stdout) == 1 << 18
    assert ended.stdout.endswith("y\nlast\n")


def test_what_takes_too_long_is_ended_with_its_group():
    began = time.monotonic()
    ended = shell(
        "trap '' TERM; sleep 600 & sleep 600", seconds=0.3, mark="late/one", patience_seconds=0.3
    )
    assert ended.rc == TIMED_OUT
    assert "its time was over" in ended.stderr
    assert time.monotonic() - began < 4
    assert find_marked("late/one", [os.geteuid()]) == []


def test_a_child_in_the_background_is_not_waited_for():
    began = time.monotonic()
    ended = shell("sleep 600 & echo started", mark="left/one")
    assert ended.stdout == "started\n"
    assert time.monotonic() - began < 2
    (left,) = find_marked("left/one", [os.geteuid()])
    assert find_marked("left/one", [NOBODY.pw_uid]) == []
    assert end_processes([left], 5) == []


def test_nor_one_that_never_stops_talking():
    began = time.monotonic()
    ended = shell("while :; do echo x; sleep 0.01; done & echo started", mark="talk/one")
    assert ended.rc == 0
    assert time.monotonic() - began < 5
    end_processes(find_marked("talk/one", [os.geteuid()]), 5)


def test_what_cannot_start_says_so():
    with pytest.raises(StepFailed, match="cannot start /no/such as"):
        run_command(["/no/such"], account=ME, seconds=1)
    with pytest.raises(StepFailed, match="no account nobody-here") as refused:
        run_command(["true"], account="nobody-here", seconds=1)
    assert refused.value.hint == "adduser --system nobody-here"


def test_a_number_that_was_given_anew_is_not_ended():
    child = subprocess.Popen(["sleep", "600"])
    process = read_process(child.pid)
    assert is_alive(process)
    assert end_processes([process._replace(started=process.started - 1)], 0.1) == []
    assert child.poll() is None
    child.kill()
    child.wait()
    assert read_process(child.pid) is None
    assert end_processes([process], 0.1) == []


def test_memory():
    assert resident_bytes(os.getpid()) > 1 << 20
    assert resident_bytes(99_999_999) == 0
    assert available_bytes() > 1 << 20

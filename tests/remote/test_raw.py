"""Command lines without an agent."""

import contextlib

import pytest

from lpse_ops.errors import HostUnreachable
from lpse_ops.remote.become import BecomeRefused
from lpse_ops.remote.local import LocalConnection
from lpse_ops.remote.raw import RawResult, run_raw
from lpse_ops.remote.target import Become
from tests.remote.sudo_script import write_sudo


@pytest.fixture
def connection():
    with contextlib.closing(LocalConnection()) as opened:
        yield opened


def test_output_errors_and_status(connection):
    command = "printf 'a\\nb\\377'; echo oops >&2; cat; exit 3"
    assert run_raw(connection, "server", command) == RawResult(3, "a\nb\udcff", "oops\n")


def test_much_output(connection):
    result = run_raw(connection, "server", "head -c 3000000 /dev/zero; echo end")
    assert len(result.stdout) == 3_000_004
    assert result.stdout.endswith("end\n")


def test_too_much_output(connection):
    with pytest.raises(HostUnreachable, match="printed more than 67108864 bytes"):
        run_raw(connection, "server", "cat /dev/zero")


def test_a_command_that_takes_too_long(connection):
    with pytest.raises(HostUnreachable, match=r"longer than 0.2 seconds; the command may have run"):
        run_raw(connection, "server", "exec sleep 100", timeout_seconds=0.2)


def test_as_another_account(connection, tmp_path):
    become = Become(exe=write_sudo(tmp_path, "rahasia"), password="rahasia")
    result = run_raw(connection, "server", "echo in; cat; echo oops >&2; exit 4", become=become)
    assert (result.rc, result.stdout) == (4, "in\n")
    assert result.stderr == "oops\n"


def test_sudo_may_refuse(connection, tmp_path):
    with pytest.raises(BecomeRefused, match="sudo to root on server needs a password"):
        run_raw(connection, "server", "true", become=Become(exe=write_sudo(tmp_path, "rahasia")))


def test_only_sudo_works_without_an_agent(connection):
    with pytest.raises(BecomeRefused, match="through sudo only, not su"):
        run_raw(connection, "server", "true", become=Become("su"))

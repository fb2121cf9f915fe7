"""Programs on hosts: one that hangs is ended, over a real agent."""

from contextlib import closing
from datetime import timedelta

from lpse_ops.cli.spse_hosts import run_command
from lpse_ops.remote.connect import open_link
from lpse_ops.remote.target import Target


def test_a_program_that_hangs_is_ended():
    with closing(open_link(Target("here", "local"))) as link:
        assert run_command(link, ("echo", "a"))["stdout"] == "a"
        hung = run_command(link, ("sleep", "600"), patience=timedelta(seconds=0.5))
        assert hung.get("rc") != 0
        assert hung["failed"] is True
        # The agent goes on.
        assert run_command(link, ("echo", "b"))["stdout"] == "b"

"""A task's process that cannot be started leaves nothing behind."""

import os
import resource
import traceback

import pytest

from lpse_ops.agent.task import start_spare

NOBODY = 65534


def in_a_child(check) -> int:
    """Do something in a process of its own; 0 when nothing was raised."""
    pid = os.fork()
    if not pid:
        status = 1
        try:
            check()
            status = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def test_no_descriptor_stays_open_when_there_are_too_many_processes():
    def check():
        # Root may always fork.
        if os.getuid() == 0:
            os.setresuid(NOBODY, NOBODY, NOBODY)
        resource.setrlimit(resource.RLIMIT_NPROC, (0, 0))
        before = os.listdir("/proc/self/fd")
        with pytest.raises(OSError, match="unavailable"):
            start_spare("ping", [])
        assert os.listdir("/proc/self/fd") == before

    assert in_a_child(check) == 0

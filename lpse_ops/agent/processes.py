"""The end of processes that we forked.

Runs on the managed host: standard library and ``lpse_ops.agent`` only, Python 3.6.
"""

import contextlib
import os
import signal
import time
from typing import Optional

_PATIENCE_SECONDS = 0.5
# A process that has closed its files is about to end; whoever waits does nothing else.
_SHORTEST_NAP_SECONDS = 0.00002
_LONGEST_NAP_SECONDS = 0.002


def kill_group(pid: int) -> None:
    """End a process and all of its group."""
    with contextlib.suppress(OSError):
        os.killpg(pid, signal.SIGKILL)
    # The group exists only from the moment the process has made it.
    with contextlib.suppress(OSError):
        os.kill(pid, signal.SIGKILL)


def reap(pid: int) -> Optional[int]:
    """Exit status of a child that is ending, negative for a signal; None if it does not end.

    Not even a killed process ends while it waits for a dead file server; we do not wait with it.
    """
    deadline = time.monotonic() + _PATIENCE_SECONDS
    nap = _SHORTEST_NAP_SECONDS
    while True:
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            return -os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)
        if time.monotonic() > deadline:
            return None
        time.sleep(nap)
        nap = min(nap * 2, _LONGEST_NAP_SECONDS)

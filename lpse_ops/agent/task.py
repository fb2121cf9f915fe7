"""A running task as the agent sees it: a process of its own, two pipes, a time limit.

Runs on the managed host: standard library and ``lpse_ops.agent`` only, Python 3.6.
"""

import os
import shutil
import sys
import time
from types import ModuleType
from typing import Iterable, List, Optional

from lpse_ops.agent import frames
from lpse_ops.agent.channel import Channel
from lpse_ops.agent.child import work
from lpse_ops.agent.outbox import Outbox
from lpse_ops.agent.processes import kill_group, reap
from lpse_ops.agent.request import Request

_READ_BYTES = 1 << 18


class RunningTask:
    """A task from its fork until its process is gone; the answer comes before that."""

    def __init__(
        self, request: Request, pid: int, read_fd: int, inbox: Outbox, folder: str
    ) -> None:
        self.request = request
        self.fd = read_fd
        self.inbox = inbox
        self.answered = False
        self.deadline: Optional[float] = None
        if request.timeout_seconds is not None:
            self.deadline = time.monotonic() + request.timeout_seconds
        self._pid = pid
        self._folder = folder
        self._decoder = frames.Decoder()

    def read(self) -> Optional[List[frames.Frame]]:
        """The frames that have come, or None at the end."""
        received = os.read(self.fd, _READ_BYTES)
        return self._decoder.feed(received) if received else None

    def kill(self) -> None:
        """End the task and all that it started, unless that left its process group."""
        kill_group(self._pid)

    def bury(self) -> str:
        """Free what the ended task had; return how its process ended, in words."""
        os.close(self.fd)
        self.inbox.close()
        status = reap(self._pid)
        if not self.answered:
            shutil.rmtree(self._folder, ignore_errors=True)
        if status is not None and status < 0:
            return f"was ended by signal {-status}"
        return f"ended with status {status}"


def start_task(
    request: Request, module: ModuleType, folder: str, others: Iterable[int]
) -> RunningTask:
    """Fork; the new process closes the descriptors of ``others`` and does the task."""
    child_read, agent_write = os.pipe()
    agent_read, child_write = os.pipe()
    pid = os.fork()
    if not pid:
        try:
            for fd in [agent_read, agent_write, *others]:
                os.close(fd)
            work(request, module, Channel(child_read, child_write, request.id), folder)
        except BaseException:
            sys.excepthook(*sys.exc_info())
            sys.stderr.flush()
            os._exit(70)
        os._exit(0)
    os.close(child_read)
    os.close(child_write)
    return RunningTask(request, pid, agent_read, Outbox(agent_write), folder)

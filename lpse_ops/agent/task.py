"""A running task as the agent sees it: a process of its own, two pipes, a time limit.

Runs on the managed host: standard library and ``lpse_ops.agent`` only, Python 3.6.
"""

import contextlib
import fcntl
import os
import shutil
import sys
import time
from types import ModuleType
from typing import Callable, FrozenSet, Iterable, List, Optional, Tuple

from lpse_ops.agent import frames
from lpse_ops.agent.channel import Channel
from lpse_ops.agent.child import wait_for_work, work_and_wait
from lpse_ops.agent.outbox import Outbox
from lpse_ops.agent.processes import kill_group, reap
from lpse_ops.agent.request import Request, render_request

_READ_BYTES = 1 << 18
# Not known to Python before 3.10; as much as an account may have without being root.
_SET_PIPE_SIZE = 1031
_PIPE_BYTES = 1 << 20


class RunningTask:
    """A task from its fork until its process is gone, or offered again; the answer comes before.

    ``known`` are the modules that its process knows.
    """

    def __init__(
        self,
        request: Request,
        pid: int,
        read_fd: int,
        inbox: Outbox,
        folder: str,
        known: FrozenSet[str],
    ) -> None:
        self.request = request
        self.fd = read_fd
        self.inbox = inbox
        self.known = known
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

    def process(self) -> "SpareProcess":
        """The process of an answered task that waits for another one."""
        return SpareProcess(self._pid, self.fd, self.inbox, self.known)

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


class SpareProcess:
    """A process that was forked when nobody waited for it, or is as after that; waits for a task.

    It is as the agent was at the fork: it knows only the modules that had been loaded.
    """

    def __init__(self, pid: int, read_fd: int, inbox: Outbox, known: FrozenSet[str]) -> None:
        self.fd = read_fd
        self.inbox = inbox
        self._pid = pid
        self._known = known

    def take(self, request: Request, module: ModuleType, folder: str) -> Optional[RunningTask]:
        """Let it do a task; None if it cannot, and then it is no more."""
        task = RunningTask(request, self._pid, self.fd, self.inbox, folder, self._known)
        try:
            if module.__name__ in self._known and not os.waitpid(self._pid, os.WNOHANG)[0]:
                header, segments = render_request(request)
                header["folder"] = folder
                frame = frames.encode(frames.RUN, request.id, header, segments, compress=False)
                _widen(request, self.fd, self.inbox.fd)
                self.inbox.add(frame)
                return task
        except (OSError, frames.FrameTooLarge):
            pass
        self.bury()
        return None

    def bury(self) -> None:
        """End it."""
        os.close(self.fd)
        self.inbox.close()
        kill_group(self._pid)
        with contextlib.suppress(OSError):
            reap(self._pid)


def start_task(
    request: Request, module: ModuleType, folder: str, others: Iterable[int]
) -> RunningTask:
    """Fork; the new process closes the descriptors of ``others`` and does the task."""

    def do(read_fd: int, write_fd: int) -> None:
        _widen(request, write_fd, read_fd)
        work_and_wait(request, module, Channel(read_fd, write_fd, request.id), folder)

    known = frozenset(sys.modules)
    pid, read_fd, write_fd = _fork(do, others)
    return RunningTask(request, pid, read_fd, Outbox(write_fd), folder, known)


def start_spare(likely: str, others: Iterable[int]) -> SpareProcess:
    """Fork a process that waits for its task, which is ``likely`` to be of this module."""
    pid, read_fd, write_fd = _fork(
        lambda read_fd, write_fd: wait_for_work(Channel(read_fd, write_fd, 0), likely), others
    )
    return SpareProcess(pid, read_fd, Outbox(write_fd), frozenset(sys.modules))


def _widen(request: Request, output: int, own: Optional[int]) -> None:
    """Make the pipe larger through which much content will go: that makes fewer turns."""
    streams = request.content is not None and request.content.inline is None
    fd = own if streams else output if request.sends else None
    if fd is not None:
        # An account's pipes together may be too large already.
        with contextlib.suppress(OSError):
            fcntl.fcntl(fd, _SET_PIPE_SIZE, _PIPE_BYTES)


def _fork(do: Callable[[int, int], None], others: Iterable[int]) -> Tuple[int, int, int]:
    """Fork a process that closes the descriptors of ``others`` and does something with two pipes.

    Returns its number and the other ends of the pipes: to read from, and to write to.
    """
    child_read, agent_write = os.pipe()
    agent_read, child_write = os.pipe()
    try:
        pid = os.fork()
    except OSError:
        for fd in (child_read, agent_write, agent_read, child_write):
            os.close(fd)
        raise
    if not pid:
        try:
            os.setsid()
            for fd in [agent_read, agent_write, *others]:
                os.close(fd)
            do(child_read, child_write)
        except BaseException:
            sys.excepthook(*sys.exc_info())
            sys.stderr.flush()
            os._exit(70)
        os._exit(0)
    os.close(child_read)
    os.close(child_write)
    return pid, agent_read, agent_write

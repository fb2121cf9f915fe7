"""The main process' end of the reading workers: hands out requests, takes the answers.

Only for a repository in a local folder: a connection cannot be shared by two processes, and what
comes over a line is not short of cores.
"""

import contextlib
import os
import select
import signal
import socket
import time
import warnings
from array import array
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from lpse_ops.backup import readworker as rw
from lpse_ops.backup.storage.local import LocalBackend
from lpse_ops.errors import OpsError, ProcessFailed

if TYPE_CHECKING:
    from lpse_ops.backup.repository import Repository

MAX_WORKERS = 3
# One request being served and one waiting keep a worker busy.
_REQUESTS_PER_WORKER = 2
_PATIENCE_SECONDS = 5.0


class Answered(NamedTuple):
    """What came back for the request that was given this token."""

    token: int
    answers: list[bytes]


@dataclass
class _Worker:
    pid: int
    channel: socket.socket
    tokens: deque[int] = field(default_factory=deque)
    answers: list[bytes] = field(default_factory=list)


class ReadPool:
    """Not for sharing between threads; ``close`` ends the processes.

    Made before the process starts threads and before it opens the repository: a fork copies
    neither threads nor what they hold.  ``open`` says which repository it is.
    """

    def __init__(self, load_handler: rw.LoadHandler, workers: int) -> None:
        self._workers: list[_Worker] = []
        for _ in range(workers):
            self._workers.append(_fork(load_handler, self._workers))
        self._by_fd = {worker.channel.fileno(): worker for worker in self._workers}
        self._poll = select.poll()
        for number in self._by_fd:
            self._poll.register(number, select.POLLIN)

    def open(self, repository: "Repository") -> bool:
        """Let the workers read this repository; False if they cannot."""
        if not self._workers or not isinstance(repository.backend, LocalBackend):
            return False
        for worker in self._workers:
            _send(worker, rw.encode_opening(repository))
        return True

    def submit(self, token: int, message: bytes, descriptors: Sequence[int] = ()) -> bool:
        """Give a request to a worker; False if all have enough to do."""
        worker = min(self._workers, key=lambda each: len(each.tokens))
        if len(worker.tokens) >= _REQUESTS_PER_WORKER or not _send(worker, message, descriptors):
            return False
        worker.tokens.append(token)
        return True

    @property
    def is_idle(self) -> bool:
        return not any(worker.tokens for worker in self._workers)

    def collect(self, *, block: bool) -> list[Answered]:
        """All that is answered by now; with ``block``, wait until something was said."""
        answered: list[Answered] = []
        if block and not self.is_idle:
            self._poll.poll()
        # An answer is several messages: who took one at a time would leave workers idle.
        while not self.is_idle and (ready := self._poll.poll(0)):
            for number, _ in ready:
                answered += self._receive(self._by_fd[number])
        return answered

    def _receive(self, worker: _Worker) -> Iterator[Answered]:
        try:
            message = worker.channel.recv(rw.MAX_MESSAGE)
        except OSError as error:
            raise _died(worker) from error
        kind, content = message[:1], message[1:]
        if kind == rw.ANSWER:
            worker.answers.append(content)
        elif kind == rw.DONE:
            answers, worker.answers = worker.answers, []
            yield Answered(worker.tokens.popleft(), answers)
        elif kind == rw.FAILED:
            text, _, hint = content.decode().partition("\0")
            raise OpsError(text, hint=hint)
        elif kind == rw.BROKEN:
            raise RuntimeError(f"in a worker process: {content.decode()}")
        else:
            raise _died(worker)

    def close(self, patience_seconds: float = _PATIENCE_SECONDS) -> None:
        """Let the workers finish the requests they have, if they do it in time, and end them."""
        for worker in self._workers:
            worker.channel.close()
        deadline = time.monotonic() + patience_seconds
        for worker in self._workers:
            _end(worker.pid, deadline)
        self._workers = []


def count_workers() -> int:
    """One a core, less the one for the main process, which works as well."""
    return min(len(os.sched_getaffinity(0)) - 1, MAX_WORKERS)


def _end(pid: int, deadline: float) -> None:
    """Wait for a process; one that hangs on a disk that does not answer is not waited for."""
    pause = 0.001
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(pid, os.WNOHANG) == (0, 0):
            if time.monotonic() > deadline:
                os.kill(pid, signal.SIGKILL)
                return
            time.sleep(pause)
            pause = min(2 * pause, 0.05)


def _fork(load_handler: rw.LoadHandler, others: Sequence[_Worker]) -> _Worker:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs, warnings.catch_warnings():
        # Python 3.12 warns of threads; who holds any has been told (see ``ReadPool``).
        warnings.simplefilter("ignore", DeprecationWarning)
        pid = os.fork()
        if pid == 0:
            status = 1
            try:
                # An end that stays open here would hide that the main process is gone.
                for channel in (ours, *(each.channel for each in others)):
                    channel.close()
                rw.serve(theirs, load_handler)
                status = 0
            finally:
                # Nothing of what the main process has still to do may be done twice.
                os._exit(status)
    return _Worker(pid, ours)


def _send(worker: _Worker, message: bytes, descriptors: Sequence[int] = ()) -> bool:
    """False if it would have to wait for what the worker has not yet taken."""
    rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array("i", descriptors))]
    try:
        worker.channel.sendmsg([message], rights if descriptors else [], socket.MSG_DONTWAIT)
    except BlockingIOError:
        return False
    except OSError as error:
        raise _died(worker) from error
    return True


def _died(worker: _Worker) -> ProcessFailed:
    return ProcessFailed(
        f"a reading worker process ended (PID {worker.pid})",
        hint="was it killed for want of memory? see dmesg, then run the command again",
    )

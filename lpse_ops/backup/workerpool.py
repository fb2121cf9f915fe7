"""The main process' end of the workers: hands out buffers, jobs and pack memory.

Two jobs for each buffer: HASH tells the ids, then STORE compresses and seals those that are new.
Everything in flight lies in a fixed number of buffers, so memory does not grow with the data.
"""

import os
import select
import signal
import socket
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import NamedTuple

from lpse_ops.backup import workmemory as wm
from lpse_ops.backup.crypto import Keys
from lpse_ops.backup.worker import fork_worker
from lpse_ops.errors import OpsError, ProcessFailed

MAX_WORKERS = 4
# One job running and one waiting keep a worker busy.
_JOBS_PER_WORKER = 2
# While there are no keys, a batch of small files waits in a buffer that it fills to a sixth.
_LATE_INPUTS = 20
_LATE_BYTES = 12 << 20

Span = tuple[int, int]
# Told the ids of a buffer's spans, answers which of them must be stored.
ChooseNew = Callable[[Sequence[bytes]], list[int]]
# The same for files that the worker read: told their flags, too.
ChooseRead = Callable[[bytes, Sequence[bytes]], list[int]]
# The same for files that it looked at first.
ChooseLooked = Callable[[wm.Looked], list[int]]


class ReadyPack(NamedTuple):
    """A pack that a worker finished; ``release`` its number once it is written.

    ``index_text`` is its part of an index file, which lists ``blobs`` blobs.
    """

    number: int
    id: bytes
    content: memoryview
    index_text: bytes
    blobs: int


@dataclass
class _Worker:
    pid: int
    channel: socket.socket
    jobs: int = 0
    wants_pack: bool = True
    flushed: bool = False
    status: int | None = None

    def kill(self) -> int:
        """End it, if it has not ended, and return its exit status."""
        if self.status is None:
            try:
                os.kill(self.pid, signal.SIGKILL)
                self.status = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
            except (ProcessLookupError, ChildProcessError):
                # Whoever started us ignores SIGCHLD: the kernel keeps no status.
                self.status = -signal.SIGKILL
        return self.status


@dataclass
class _Job:
    """``hear`` is told the answer to the first message: all ids, and which are to be stored.

    Without spans before that, they are in the answer.
    """

    number: int
    message: bytes
    hear: Callable[[bytes], tuple[Sequence[bytes], list[int]]]
    spans: list[Span]


class WorkerPool:
    """Not for sharing between threads; ``close`` ends the processes.

    Best made before any thread runs: the workers are forked.  Without ``keys`` they read and hash,
    and store once ``use_keys`` has told them.  ``spare_packs`` is room for so many finished packs
    that are still on their way to a place that is far.
    """

    def __init__(self, keys: Keys | None, workers: int = 0, *, spare_packs: int = 0) -> None:
        count = workers or max(1, min(os.cpu_count() or 1, MAX_WORKERS))
        # One input that is worked on and one that waits; no more packs than workers: one that is
        # written soon leaves its worker waiting for a moment, and the others go on meanwhile.
        # Room that nobody fills costs nothing.
        usual, late = 2 * count, _LATE_INPUTS if keys is None else 0
        self._layout = wm.Layout(inputs=usual + late, packs=max(count, 2) + spare_packs)
        self._memory = wm.SharedMemory(self._layout)
        self._workers = [_start(self._memory) for _ in range(count)]
        self._by_fd = {worker.channel.fileno(): worker for worker in self._workers}
        self._poll = select.poll()
        for number in self._by_fd:
            self._poll.register(number, select.POLLIN)
        self._usual_inputs = usual
        self._free_inputs = list(range(usual))
        self._late_inputs = list(range(usual, usual + late))
        self._free_packs = list(range(self._layout.packs))
        self._hash_jobs: deque[_Job] = deque()
        self._store_jobs: deque[_Job] = deque()
        self._running: dict[int, _Job] = {}
        self._has_keys = False
        if keys is not None:
            self.use_keys(keys)

    # -- what the caller does ----------------------------------------------------------------

    def use_keys(self, keys: Keys) -> None:
        """Store with these keys, from now on; the same if the workers have them already."""
        if self._has_keys:
            return
        self._has_keys = True
        while self._late_inputs:
            self._memory.give_up_input(self._late_inputs.pop())
        for worker in self._workers:
            _send(worker, wm.KEYS + keys.to_bytes())
        self._grant_packs()
        self._dispatch()

    def take_input(self) -> int | None:
        """A free input buffer's number, or None when all are in use: then ``pump``."""
        if self._free_inputs:
            return self._free_inputs.pop()
        if self._late_inputs and self._taken_bytes() < _LATE_BYTES:
            return self._late_inputs.pop()
        return None

    def input(self, number: int) -> memoryview:
        return self._memory.input(number)

    def submit(self, number: int, spans: list[Span], choose: ChooseNew) -> None:
        """Give a filled buffer away; it comes back by itself."""
        if not spans:
            self._give_back(number)
            return

        def hear(answer: bytes) -> tuple[Sequence[bytes], list[int]]:
            ids = wm.cut_ids(answer, 2)
            return ids, choose(ids)

        message = wm.HASH + bytes([number]) + b"".join(wm.SPAN.pack(*span) for span in spans)
        self._begin(_Job(number, message, hear, spans))

    def submit_reads(
        self, number: int, request: bytes, spans: list[Span], choose: ChooseRead
    ) -> None:
        """Let a worker fill a buffer itself; ``request`` lists the files of the spans."""

        def hear(answer: bytes) -> tuple[Sequence[bytes], list[int]]:
            ids = wm.cut_ids(answer, 2 + len(spans))
            return ids, choose(answer[2 : 2 + len(spans)], ids)

        self._begin(_Job(number, wm.READ + bytes([number]) + request, hear, spans))

    def submit_looks(self, number: int, request: bytes, choose: ChooseLooked) -> None:
        """Let a worker look at files, too; ``request`` names more than may find room."""

        def hear(answer: bytes) -> tuple[Sequence[bytes], list[int]]:
            looked = wm.read_looked(answer, 2, self._memory.input(number))
            job.spans = list(zip(accumulate(looked.sizes, initial=0), looked.sizes, strict=False))
            return looked.ids, choose(looked)

        job = _Job(number, wm.LOOK + bytes([number]) + request, hear, [])
        self._begin(job)

    def _begin(self, job: _Job) -> None:
        self._hash_jobs.append(job)
        self._dispatch()

    def release_pack(self, number: int) -> None:
        """The pack is written: its memory may be used again."""
        self._free_packs.append(number)
        self._grant_packs()

    def watch(self, descriptor: int) -> None:
        """Let ``pump`` also wake up when this descriptor becomes readable."""
        self._poll.register(descriptor, select.POLLIN)

    @property
    def is_idle(self) -> bool:
        return not (self._hash_jobs or self._store_jobs or self._running)

    def start_flush(self) -> None:
        """Ask every worker for its unfinished pack; only when idle."""
        for worker in self._workers:
            worker.flushed = False
            _send(worker, wm.FLUSH)

    @property
    def is_flushed(self) -> bool:
        return all(worker.flushed for worker in self._workers)

    def pump(self, *, block: bool) -> list[ReadyPack]:
        """Handle what the workers said; return the packs they finished."""
        ready: list[ReadyPack] = []
        for number, _ in self._poll.poll(None if block else 0):
            if worker := self._by_fd.get(number):
                self._handle(worker, ready)
        self._dispatch()
        return ready

    def close(self) -> None:
        """End the workers; what is not yet written is lost, on purpose."""
        for worker in self._workers:
            worker.channel.close()
        for worker in self._workers:
            worker.kill()
        self._memory.close()

    # -- messages ----------------------------------------------------------------------------

    def _dispatch(self) -> None:
        while jobs := (self._has_keys and self._store_jobs) or self._hash_jobs:
            worker = min(self._workers, key=lambda each: each.jobs)
            if worker.jobs >= _JOBS_PER_WORKER:
                return
            # First what frees a buffer.
            job = jobs.popleft()
            self._running[job.number] = job
            worker.jobs += 1
            _send(worker, job.message)

    def _handle(self, worker: _Worker, ready: list[ReadyPack]) -> None:
        message = _receive(worker)
        kind = message[:1]
        if kind in (wm.HASHED, wm.READ_DONE, wm.LOOK_DONE):
            self._hashed(worker, message)
        elif kind == wm.STORED:
            worker.jobs -= 1
            self._finish_job(message[1])
        elif kind == wm.PACKED:
            ready.append(self._ready_pack(worker, message))
        elif kind == wm.FLUSHED:
            worker.flushed = True

    def _hashed(self, worker: _Worker, message: bytes) -> None:
        worker.jobs -= 1
        job = self._running[message[1]]
        ids, chosen = job.hear(message)
        if not chosen:
            self._finish_job(job.number)
            return
        starts, lengths = zip(*[job.spans[i] for i in chosen], strict=True)
        items = b"".join(map(wm.ITEM.pack, starts, lengths, [ids[i] for i in chosen]))
        job.message = wm.STORE + bytes([job.number]) + items
        self._store_jobs.append(job)

    def _finish_job(self, number: int) -> None:
        del self._running[number]
        self._give_back(number)

    def _give_back(self, number: int) -> None:
        # Those that were only for the time without keys end with it.
        if number < self._usual_inputs:
            self._free_inputs.append(number)
        elif self._has_keys:
            self._memory.give_up_input(number)
        else:
            self._late_inputs.append(number)

    def _taken_bytes(self) -> int:
        """What lies in the buffers that are in use."""
        # A job's last span ends where its bytes do.
        jobs = (*self._running.values(), *self._hash_jobs)
        return sum(sum(job.spans[-1]) if job.spans else wm.INPUT_BYTES for job in jobs)

    def _ready_pack(self, worker: _Worker, message: bytes) -> ReadyPack:
        _, number, size, text_size, blobs, pack_id = wm.PACK.unpack(message)
        worker.wants_pack = True
        self._grant_packs()
        buffer = self._memory.pack(number)
        index_text = bytes(buffer[size : size + text_size])
        return ReadyPack(number, pack_id, buffer[:size], index_text, blobs)

    def _grant_packs(self) -> None:
        for worker in self._workers:
            if worker.wants_pack and self._free_packs:
                worker.wants_pack = False
                _send(worker, wm.USE_PACK + bytes([self._free_packs.pop()]))


def _start(memory: wm.SharedMemory) -> _Worker:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        return _Worker(fork_worker(theirs, memory), ours)


def _send(worker: _Worker, message: bytes) -> None:
    try:
        worker.channel.send(message)
    except OSError as error:
        raise _worker_died(worker) from error


def _receive(worker: _Worker) -> bytes:
    try:
        message = worker.channel.recv(wm.MAX_MESSAGE)
    except OSError as error:
        raise _worker_died(worker) from error
    if not message:
        raise _worker_died(worker)
    if message[:1] == wm.FAILED:
        text, _, hint = message[1:].decode().partition("\0")
        raise OpsError(text, hint=hint)
    return message


def _worker_died(worker: _Worker) -> ProcessFailed:
    return ProcessFailed(
        f"a worker process of the backup ended (status {worker.kill()})",
        hint="was it killed for want of memory? see dmesg, then run lpse-ops backup again",
    )

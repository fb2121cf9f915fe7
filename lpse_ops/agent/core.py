"""The agent: one loop that takes requests, forks a process for each and passes answers on.

It never waits for anybody: not for a task, nor for the controller to read or write.  When the
controller goes away or is silent for too long, tasks are killed and the agent ends.
Runs on the managed host: standard library and ``lpse_ops.agent`` only, Python 3.6.
"""

import contextlib
import functools
import os
import select
import time
from types import ModuleType
from typing import Any, Callable, Dict, List, Optional

from lpse_ops.agent import frames
from lpse_ops.agent.dispatcher import NoSuchModule, load_module
from lpse_ops.agent.outbox import Outbox
from lpse_ops.agent.program import RunningProgram, start_program
from lpse_ops.agent.request import AddSource, Request, parse_requests
from lpse_ops.agent.schedule import Schedule
from lpse_ops.agent.task import RunningTask, SpareProcess, start_spare, start_task
from lpse_ops.agent.temporary import candidate_roots, choose_root, new_name

# The controller beats as often as we; its machine may sleep for a moment.
_MISSED_BEATS = 12
# So much may wait for the controller to read it; then tasks and programs have to wait.
_FULL_BYTES = 8 << 20
_READ_BYTES = 1 << 18
# While there is more to read at once, nobody else is looked after for so many times.
_READS_IN_A_ROW = 16
_MUCH_BYTES = 1 << 14


class Agent:
    """All that is running for one controller, over two descriptors."""

    def __init__(
        self, read_fd: int, write_fd: int, add_source: AddSource, beat_seconds: float
    ) -> None:
        self._read_fd = read_fd
        self._beat_seconds = beat_seconds
        self._patience_seconds = beat_seconds * _MISSED_BEATS
        self._outbox = Outbox(write_fd)
        self._add_source = add_source
        # Content is passed on as it comes.
        self._decoder = frames.Decoder(parted=(frames.CONTENT,))
        self._schedule = Schedule()
        self._tasks: Dict[int, RunningTask] = {}
        self._programs: Dict[int, RunningProgram] = {}
        self._spare: Optional[SpareProcess] = None
        self._temporary_root = choose_root(candidate_roots())
        self._heard = self._spoke = time.monotonic()
        self._over = False
        os.set_blocking(read_fd, False)

    def run(self, hello: Dict[str, Any]) -> None:
        """Serve until the controller is gone; then end everything that it started."""
        try:
            self._say(frames.HELLO, 0, hello)
            while not self._over:
                self._turn()
        finally:
            if self._spare:
                self._spare.bury()
            for task in list(self._tasks.values()):
                # What an answered task has left running may stay.
                if not task.answered:
                    task.kill()
                task.bury()
            for program in list(self._programs.values()):
                program.bury()

    def _turn(self) -> None:
        """Wait for something to happen, and deal with all that did."""
        handlers = self._handlers()
        poll = select.poll()
        for fd in handlers:
            poll.register(fd, select.POLLIN)
        for box in self._boxes():
            if box.waiting_bytes and box.fd is not None:
                poll.register(box.fd, select.POLLOUT)
        for fd, _ in poll.poll(self._patience() * 1000):
            if fd in handlers:
                handlers[fd]()
        for box in self._boxes():
            box.flush()
        self._look_at_clock(time.monotonic())

    def _handlers(self) -> Dict[int, Callable[[], None]]:
        """What to do when a descriptor has something to read."""
        handlers: Dict[int, Callable[[], None]] = {self._read_fd: self._listen}
        if self._outbox.waiting_bytes < _FULL_BYTES:
            for task in self._tasks.values():
                handlers[task.fd] = functools.partial(self._hear_task, task)
            for program in self._programs.values():
                for fd in program.outputs:
                    handlers[fd] = functools.partial(self._hear_program, program, fd)
        return handlers

    def _boxes(self) -> List[Outbox]:
        return [
            self._outbox,
            *[task.inbox for task in self._tasks.values()],
            *[program.inbox for program in self._programs.values()],
        ]

    def _patience(self) -> float:
        """Seconds until something has to be done although nothing happens."""
        running = [task for task in self._tasks.values() if not task.answered]
        times = [task.deadline for task in running if task.deadline is not None]
        times += [self._spoke + self._beat_seconds, self._heard + self._patience_seconds]
        return max(0.0, min(times) - time.monotonic())

    def _look_at_clock(self, now: float) -> None:
        for task in list(self._tasks.values()):
            if task.deadline is not None and now >= task.deadline and not task.answered:
                seconds = task.request.timeout_seconds
                task.kill()
                msg = f"Task failed: Timed out after {seconds or 0:.15g} second(s)."
                self._finish(task, _failure(msg, timedout={"period": seconds}))
        if now >= self._spoke + self._beat_seconds:
            self._say(frames.BEAT, 0, {})
        if now >= self._heard + self._patience_seconds or self._outbox.fd is None:
            self._over = True

    def _listen(self) -> None:
        """Take what the controller sent."""
        for _ in range(_READS_IN_A_ROW):
            try:
                received = os.read(self._read_fd, _READ_BYTES)
            except BlockingIOError:
                return
            except OSError:
                received = b""
            self._heard = time.monotonic()
            if not received:
                self._over = True
                return
            for frame in self._decoder.feed(received):
                self._obey(frame)
            if len(received) < _MUCH_BYTES:
                return

    def _obey(self, frame: frames.Frame) -> None:
        if frame.kind in (frames.CONTENT, frames.CREDIT):
            # Whom it is for may have ended meanwhile.
            if frame.id in self._tasks:
                self._tasks[frame.id].inbox.add(frame.raw)
        elif frame.kind == frames.RUN:
            header, segments = frame.open()
            for request in parse_requests(header, segments, self._add_source):
                self._schedule.add(request)
            self._start_ready()
        elif frame.kind == frames.DATA:
            self._feed_program(frame)
        elif frame.kind == frames.START:
            self._start_program(frame)
        elif frame.kind == frames.CANCEL:
            self._cancel(frame.id)

    def _start_ready(self) -> None:
        """Start whatever may begin; what cannot be started is answered at once."""
        ready = self._schedule.take_ready()
        while ready:
            for request in ready:
                self._start(request)
            ready = self._schedule.take_ready()

    def _start(self, request: Request) -> None:
        if not self._schedule.is_wanted(request):
            self._refuse(request.id, _failure("not run: a task before it failed", _not_run=True))
            return
        try:
            module = load_module(request.module)
            folder = os.path.join(self._temporary_root, new_name())
            task = self._use_spare(request, module, folder) or start_task(
                request, module, folder, self._descriptors()
            )
        except NoSuchModule as error:
            self._refuse(request.id, _failure(str(error)))
        except OSError as error:
            self._refuse(request.id, _failure(f"cannot start a process: {error}"))
        else:
            self._tasks[request.id] = task

    def _use_spare(
        self, request: Request, module: ModuleType, folder: str
    ) -> Optional[RunningTask]:
        spare, self._spare = self._spare, None
        return spare.take(request, module, folder) if spare else None

    def _keep_spare(self, likely: str) -> None:
        """Fork for the next task while the controller looks at the answer to the last one."""
        if self._spare is None:
            with contextlib.suppress(OSError):
                self._spare = start_spare(likely, self._descriptors())

    def _refuse(self, number: int, result: Dict[str, Any]) -> None:
        """Answer for a task that did not."""
        self._schedule.answered(number, well=False)
        self._say(frames.FAILED, number, result)

    def _hear_task(self, task: RunningTask) -> None:
        if self._tasks.get(task.request.id) is not task:
            return
        received = task.read()
        if received is None:
            self._end_task(task)
            return
        for frame in received:
            if frame.kind == frames.READY and task.answered:
                self._take_back(task)
                continue
            self._pass_on(frame.raw)
            if frame.kind in (frames.DONE, frames.FAILED):
                task.answered = True
                self._schedule.answered(task.request.id, well=frame.kind == frames.DONE)
        if task.answered:
            self._start_ready()

    def _take_back(self, task: RunningTask) -> None:
        """Keep the process of an answered task for the next one."""
        del self._tasks[task.request.id]
        process = task.process()
        if self._spare is None:
            self._spare = process
        else:
            process.bury()

    def _end_task(self, task: RunningTask) -> None:
        """The task's process is gone; if it did not answer we do."""
        del self._tasks[task.request.id]
        end = task.bury()
        if not task.answered:
            self._refuse(task.request.id, _failure("the process of the task " + end))
            self._start_ready()
        self._keep_spare(task.request.module)

    def _finish(self, task: RunningTask, result: Dict[str, Any]) -> None:
        """Answer for a task that was killed."""
        del self._tasks[task.request.id]
        task.bury()
        self._refuse(task.request.id, result)
        self._start_ready()

    def _cancel(self, number: int) -> None:
        if self._schedule.cancel(number):
            self._refuse(number, _failure("cancelled before it began", _not_run=True))
            self._start_ready()
        elif number in self._tasks and not self._tasks[number].answered:
            self._tasks[number].kill()
            self._finish(self._tasks[number], _failure("cancelled"))
        elif number in self._programs:
            self._end_program(self._programs[number])

    def _start_program(self, frame: frames.Frame) -> None:
        header, _ = frame.open()
        on_terminal = bool(header.get("on_terminal"))
        try:
            program = start_program(frame.id, header["argv"], on_terminal=on_terminal)
        except OSError as error:
            text = f"cannot start a process: {error}".encode("utf-8", "surrogateescape")
            self._pass_on(frames.encode(frames.DATA, frame.id, {"error": True}, [text]))
            self._say(frames.EXIT, frame.id, {"status": None})
        else:
            self._programs[frame.id] = program

    def _feed_program(self, frame: frames.Frame) -> None:
        header, segments = frame.open()
        if frame.id in self._programs:
            inbox = self._programs[frame.id].inbox
            for segment in segments:
                inbox.add(segment)
            if header.get("end") and self._programs[frame.id].is_on_terminal:
                self._end_program(self._programs[frame.id])
            elif header.get("end"):
                inbox.end()

    def _hear_program(self, program: RunningProgram, fd: int) -> None:
        if self._programs.get(program.id) is not program:
            return
        is_error = program.outputs[fd]
        received = program.read(fd)
        if received:
            header = {"error": True} if is_error else {}
            self._pass_on(
                frames.encode(frames.DATA, program.id, header, [received], compress=False)
            )
        if not program.outputs:
            self._end_program(program)

    def _end_program(self, program: RunningProgram) -> None:
        del self._programs[program.id]
        self._say(frames.EXIT, program.id, {"status": program.bury()})

    def _say(self, kind: int, number: int, header: Dict[str, Any]) -> None:
        self._pass_on(frames.encode(kind, number, header))

    def _pass_on(self, raw: bytes) -> None:
        self._outbox.add(raw)
        self._spoke = time.monotonic()

    def _descriptors(self) -> List[int]:
        """What a task's process must not hold open: then it would not see us go."""
        found = [self._read_fd] + [box.fd for box in self._boxes() if box.fd is not None]
        found += [task.fd for task in self._tasks.values()]
        if self._spare and self._spare.inbox.fd is not None:
            found += [self._spare.fd, self._spare.inbox.fd]
        return found + [fd for program in self._programs.values() for fd in program.outputs]


def _failure(msg: str, **keys: Any) -> Dict[str, Any]:
    return dict(keys, failed=True, changed=False, msg=msg)

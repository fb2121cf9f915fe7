"""A job of the timer as a process of its own, and what becomes of it.

The process may crash, be killed for want of memory or hang: who watches it is another one, which
then writes the record that the job could not write itself.
"""

import contextlib
import json
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from types import FrameType
from typing import IO, Any

from lpse_ops.backup.checkturn import Turn
from lpse_ops.backup.statusfacts import Run
from lpse_ops.cli.run_lock import SHARED

_PROGRAM = (sys.executable, "-P", "-c", "from lpse_ops.cli.main import main; main()")
_SECONDS_TO_END = 60
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_SOME_UNREADABLE = 3
_MAX_OUTPUT_BYTES = 64 << 20
_MAX_TALK_BYTES = 64 << 10
_LONGEST_ERROR = 500
_PREFIX = "lpse-ops: "
# Somebody who looks after the repository by hand must not fail the night's run.
PATIENT = ("--retry-lock", "30m")


@dataclass(frozen=True)
class Ended:
    """``code`` is negative when a signal ended it; ``answer`` is its JSON, if it gave any."""

    code: int
    answer: Mapping[str, Any]
    talk: str

    @property
    def status(self) -> str:
        return {0: "ok", _SOME_UNREADABLE: "partial"}.get(self.code, "failed")

    @property
    def error(self) -> str:
        """The error of its last words, in a line."""
        if self.code == 0:
            return ""
        if self.code < 0:
            return f"killed by {signal.Signals(-self.code).name}"
        lines = [line.removeprefix(_PREFIX) for line in self.talk.splitlines() if line.strip()]
        errors = [line.removeprefix("error: ") for line in lines if line.startswith("error: ")]
        warnings = [line.removeprefix("warning: ") for line in lines]
        found = errors or warnings[-1:] or [f"exit code {self.code}"]
        return "; ".join(found)[:_LONGEST_ERROR]


def job_arguments(job: str, turn: Turn | None) -> list[str]:
    """What a job runs; a check reads the part of the destination whose turn it is."""
    if job == "check" and turn is not None:
        where = ("--destination", turn.destination, "--read-data-subset", turn.subset)
        return ["backup", "check", *where, *PATIENT]
    return ["backup", "run", *PATIENT] if job == "backup" else ["backup", job]


def was_missed(runs: Sequence[Run], at: time, now: datetime) -> bool:
    """Whether no good run has begun since the last moment at which one was due."""
    due = now.replace(hour=at.hour, minute=at.minute, second=0, microsecond=0)
    if due > now:
        due -= timedelta(days=1)
    return not any(run.is_good and run.started >= due for run in runs)


def run_job(arguments: Sequence[str], environment: Mapping[str, str], descriptor: int) -> Ended:
    """Run ``lpse-ops ARGUMENTS`` to its end; it shares the lock behind ``descriptor``.

    When we are interrupted, it is asked to stop, and waited for.
    """
    process = None
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as talk:
        try:
            with _signals_wait():
                process = subprocess.Popen(
                    [*_PROGRAM, *arguments, "--format", "json"],
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=talk,
                    env={**environment, SHARED: str(descriptor)},
                    pass_fds=[descriptor],
                )
            code = process.wait()
        except BaseException:
            if process is not None:
                _stop(process)
            raise
        return Ended(code, _parse(_read(output, _MAX_OUTPUT_BYTES)), _last_words(talk))


@contextlib.contextmanager
def _signals_wait() -> Iterator[None]:
    """A signal is heard at the end of the block: a child that is half started would be nobody's."""
    came: list[tuple[int, FrameType | None]] = []
    handlers = {each: signal.getsignal(each) for each in _SIGNALS}
    heard = {each: handler for each, handler in handlers.items() if callable(handler)}
    for each in heard:
        signal.signal(each, lambda number, frame: came.append((number, frame)))
    try:
        yield
    finally:
        for each, handler in heard.items():
            signal.signal(each, handler)
        for number, frame in came[:1]:
            heard[signal.Signals(number)](number, frame)


def _stop(process: "subprocess.Popen[bytes]") -> None:
    process.terminate()
    try:
        process.wait(_SECONDS_TO_END)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _read(file: IO[bytes], limit: int) -> bytes:
    file.seek(0)
    return file.read(limit)


def _last_words(file: IO[bytes]) -> str:
    size = file.seek(0, 2)
    file.seek(max(size - _MAX_TALK_BYTES, 0))
    return file.read().decode(errors="replace")


def _parse(output: bytes) -> Mapping[str, Any]:
    try:
        found = json.loads(output)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}

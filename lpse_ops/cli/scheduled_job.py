"""A job of the timer as a process of its own, and what becomes of it.

The process may crash, be killed for want of memory or hang: who watches it is another one, which
then writes the record that the job could not write itself.
"""

import json
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import IO, Any

from lpse_ops.backup.statusfacts import Run

_PROGRAM = (sys.executable, "-P", "-c", "from lpse_ops.cli.main import main; main()")
_SECONDS_TO_END = 60
_SOME_UNREADABLE = 3
_MAX_OUTPUT_BYTES = 64 << 20
_MAX_TALK_BYTES = 64 << 10
_LONGEST_ERROR = 500
_PREFIX = "lpse-ops: "
# The parts of a quarter: each week's check reads another one.
_CHECK_PARTS = 13
# Somebody who looks after the repository by hand must not fail the night's run.
_PATIENT = ("--retry-lock", "30m")


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


def job_arguments(job: str, now: datetime) -> list[str]:
    """What a job runs; the part that a check reads goes with the week of the year."""
    if job == "check":
        part = now.isocalendar().week % _CHECK_PARTS + 1
        return ["backup", "check", "--read-data-subset", f"{part}/{_CHECK_PARTS}", *_PATIENT]
    return ["backup", "run", *_PATIENT] if job == "backup" else ["backup", job]


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
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as talk:
        process = subprocess.Popen(
            [*_PROGRAM, *arguments, "--format", "json"],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=talk,
            env=dict(environment),
            pass_fds=[descriptor],
        )
        try:
            code = process.wait()
        except BaseException:
            _stop(process)
            raise
        return Ended(code, _parse(_read(output, _MAX_OUTPUT_BYTES)), _last_words(talk))


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

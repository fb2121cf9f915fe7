"""One job at a time on a machine, whoever started it; and a job that was killed is noticed.

A file in the state folder is locked as long as the job, or the program that it started, lives.
What stands in a file that nobody has locked was left by a job that was killed or lost its power.
A program that a job starts shares its lock: it finds the descriptor in its environment.
"""

import contextlib
import fcntl
import json
import os
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from lpse_ops.cli.state_lock import open_lock_file
from lpse_ops.errors import RepositoryLocked

SHARED = "LPSE_OPS_RUN_LOCK"
_FILE = "run.lock"
_MAX_BYTES = 4096
_ASK_EVERY_SECONDS = 1.0


@dataclass(frozen=True)
class Job:
    """What holds the lock, since when; ``destination`` is the one it works on, if on one."""

    name: str
    pid: int
    since: datetime
    destination: str = ""


@dataclass(frozen=True)
class RunLock:
    """The lock while we hold it, ``since`` when; ``descriptor`` is for a child that shares it.

    ``died`` is the job before, if it never came to its end.
    """

    descriptor: int
    died: Job | None
    since: datetime


@contextlib.contextmanager
def hold_run_lock(
    folder: Path,
    name: str,
    now: datetime,
    *,
    destination: str = "",
    environment: Mapping[str, str] | None = None,
    retry_for: timedelta = timedelta(),
) -> Iterator[RunLock]:
    """Hold the machine's lock for the block; ``RepositoryLocked`` says who else has it.

    With an ``environment`` that names the lock of who started us, that one is ours, too.
    """
    shared = _find_shared(folder, environment or {})
    if shared is not None:
        yield RunLock(shared, None, now)
        return
    with open_lock_file(folder, _FILE) as descriptor:
        died, waited = _wait(descriptor, retry_for)
        # What others recorded while we waited is none of this job's.
        since = now + waited
        _write(descriptor, Job(name, os.getpid(), since, destination))
        try:
            yield RunLock(descriptor, died, since)
        finally:
            os.ftruncate(descriptor, 0)


def find_dead_job(folder: Path) -> Job | None:
    """A job that never came to its end; it is told once.  None while another one is at work."""
    with open_lock_file(folder, _FILE) as descriptor:
        # Nearly always empty: not locked then, as a job that begins just now would be turned away.
        if not os.fstat(descriptor).st_size:
            return None
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return None
        died = _read(descriptor)
        os.ftruncate(descriptor, 0)
        return died


def _find_shared(folder: Path, environment: Mapping[str, str]) -> int | None:
    """The descriptor of the lock that our parent holds; None if it is not what it says."""
    try:
        descriptor = int(environment.get(SHARED, ""))
        if not os.path.samestat(os.fstat(descriptor), (folder / _FILE).stat()):
            return None
        # It is the parent's very lock, or nobody's.
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (ValueError, OverflowError, OSError):
        return None
    return descriptor


def _wait(descriptor: int, retry_for: timedelta) -> tuple[Job | None, timedelta]:
    """The job that died before, if any, and how long another one kept us waiting."""
    begun = time.monotonic()
    waited = timedelta()
    while True:
        try:
            return _take(descriptor), waited
        except RepositoryLocked:
            if waited >= retry_for:
                raise
            time.sleep(_ASK_EVERY_SECONDS)
            waited = timedelta(seconds=time.monotonic() - begun)


def _take(descriptor: int) -> Job | None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        job = _read(descriptor)
        who = f"{job.name} ({job.pid}) runs since {job.since:%Y-%m-%d %H:%M:%S %z}" if job else ""
        raise RepositoryLocked(
            f"another job is at work: {who or 'it has just begun'}",
            hint="lpse-ops backup run --retry-lock 30m waits; see: journalctl -fu lpse-ops-backup",
        ) from error
    return _read(descriptor)


def _write(descriptor: int, job: Job) -> None:
    text = json.dumps(vars(job) | {"since": job.since.isoformat()})
    os.ftruncate(descriptor, 0)
    # Where this disk is full the job is all the more wanted: the lock holds without the text.
    with contextlib.suppress(OSError):
        os.pwrite(descriptor, text.encode("ascii"), 0)
        os.fsync(descriptor)


def _read(descriptor: int) -> Job | None:
    """None for an empty file, or one that a power cut left half-written."""
    try:
        found = json.loads(os.pread(descriptor, _MAX_BYTES, 0))
        since = datetime.fromisoformat(found["since"])
        if since.tzinfo is None:
            return None
        name, pid, destination = found["name"], found["pid"], found.get("destination", "")
        return Job(str(name), int(pid), since, str(destination))
    except (ValueError, TypeError, KeyError, AttributeError):
        return None

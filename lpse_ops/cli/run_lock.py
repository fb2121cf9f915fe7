"""One scheduled job at a time on a machine; and a job that was killed is noticed.

A file in the state folder is locked as long as the job, or the program that it started, lives.
What stands in a file that nobody has locked was left by a job that was killed or lost its power.
"""

import contextlib
import fcntl
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from lpse_ops.errors import OpsError, RepositoryLocked

_FILE = "run.lock"
_MAX_BYTES = 4096


@dataclass(frozen=True)
class Job:
    """What holds the lock, since when."""

    name: str
    pid: int
    since: datetime


@dataclass(frozen=True)
class RunLock:
    """The lock while we hold it; ``descriptor`` is for a child that shares it.

    ``died`` is the job before, if it never came to its end.
    """

    descriptor: int
    died: Job | None


@contextlib.contextmanager
def hold_run_lock(folder: Path, name: str, now: datetime) -> Iterator[RunLock]:
    """Hold the machine's lock for the block; ``RepositoryLocked`` says who else has it."""
    with _open(folder) as descriptor:
        died = _take(descriptor)
        _write(descriptor, Job(name, os.getpid(), now))
        try:
            yield RunLock(descriptor, died)
        finally:
            os.ftruncate(descriptor, 0)


def find_dead_job(folder: Path) -> Job | None:
    """A job that never came to its end; it is told once.  None while another one is at work."""
    with _open(folder) as descriptor:
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


def _take(descriptor: int) -> Job | None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        job = _read(descriptor)
        who = f"{job.name} ({job.pid}) runs since {job.since:%Y-%m-%d %H:%M:%S %z}" if job else ""
        raise RepositoryLocked(
            f"another job is at work: {who or 'it has just begun'}",
            hint="wait for its end, or see: journalctl -fu lpse-ops-backup",
        ) from error
    return _read(descriptor)


@contextlib.contextmanager
def _open(folder: Path) -> Iterator[int]:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        descriptor = os.open(folder / _FILE, flags, 0o600)
    except OSError as error:
        raise OpsError(
            f"cannot open {folder / _FILE}: {error.strerror}",
            hint="run it as root, or name another folder in LPSE_OPS_STATE",
        ) from error
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _write(descriptor: int, job: Job) -> None:
    text = json.dumps({"name": job.name, "pid": job.pid, "since": job.since.isoformat()})
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
        return Job(str(found["name"]), int(found["pid"]), since) if since.tzinfo else None
    except (ValueError, TypeError, KeyError):
        return None

"""One runner at a time.  The kernel lets go of the lock of a runner that died."""

import contextlib
import fcntl
import json
import os
import time
from typing import Iterator, NamedTuple, Optional

from spse_steps.errors import Locked

_PATIENCE_SECONDS = 0.5
_NAP_SECONDS = 0.05
_FLAGS = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC


class Holder(NamedTuple):
    """The runner that holds, or held, the lock."""

    pid: int
    since: str
    command: str


@contextlib.contextmanager
def hold_lock(path: str, holder: Holder) -> Iterator[Optional[Holder]]:
    """Hold the lock; gives the last holder if it died without letting go.  Raises Locked."""
    descriptor = os.open(path, _FLAGS, 0o600)
    try:
        before = _read_holder(descriptor)
        _take(descriptor, before)
        _write(descriptor, json.dumps(holder._asdict()))
        yield before
        _write(descriptor, "")
    finally:
        os.close(descriptor)


def _take(descriptor: int, before: Optional[Holder]) -> None:
    """Whoever only asks for the state holds it for a moment."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError as error:
            if time.monotonic() > deadline:
                raise _locked(before) from error
        time.sleep(_NAP_SECONDS)


def find_holder(path: str) -> Optional[Holder]:
    """The runner that is at work just now, if any."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return _read_holder(descriptor) or Holder(0, "", "")
    else:
        return None
    finally:
        os.close(descriptor)


def _locked(holder: Optional[Holder]) -> Locked:
    who = f"{holder.command}, process {holder.pid} since {holder.since}" if holder else "another"
    return Locked(
        f"a runner is at work: {who}", hint="wait for it; the command status shows how far it is"
    )


def _read_holder(descriptor: int) -> Optional[Holder]:
    try:
        value = json.loads(os.pread(descriptor, 1000, 0).decode())
        return Holder(int(value["pid"]), str(value["since"]), str(value["command"]))
    except (ValueError, TypeError, KeyError):
        return None


def _write(descriptor: int, text: str) -> None:
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, text.encode(), 0)

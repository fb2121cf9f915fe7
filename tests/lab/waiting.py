"""Waiting for what other processes do."""

import time
from collections.abc import Callable
from pathlib import Path


def wait_until(claim: Callable[[], bool], *, timeout_seconds: float = 60) -> bool:
    """Return whether the claim came true in time."""
    give_up = time.monotonic() + timeout_seconds
    while not claim():
        if time.monotonic() > give_up:
            return False
        time.sleep(0.01)
    return True


def is_running(pid: int) -> bool:
    """Whether there is such a process, and it is more than an entry that nobody has read."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return stat.rpartition(")")[2].split()[0] not in ("Z", "X")

"""What labs leave that were killed, and how it is told from what the living use."""

import contextlib
import fcntl
import os
import shutil
import time
from pathlib import Path

CGROUPS = Path("/sys/fs/cgroup")

# A folder so young may belong to a lab whose keeper is just starting.
_YOUNG_SECONDS = 60
_TRIES = 200
_PAUSE_SECONDS = 0.01


def hold_lock(folder: Path) -> bool:
    """Mark the folder as of a living lab; the kernel takes the mark off when we end."""
    lock = os.open(folder / "lock", os.O_CREAT | os.O_RDWR)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        return False
    return True


def cgroup_of(number: int) -> Path:
    return CGROUPS / f"lpse-ops-lab-{number}"


def remove_dead_labs(labs: Path) -> None:
    """Remove the folders of labs that were killed."""
    for folder in labs.iterdir():
        with contextlib.suppress(FileNotFoundError):
            is_young = time.time() - folder.stat().st_mtime < _YOUNG_SECONDS
            if folder.is_dir() and not is_young and hold_lock(folder):
                shutil.rmtree(folder)


def remove_dead_cgroups(ours: Path) -> None:
    """Remove the cgroups of labs that were killed: what is there of our number, too, is theirs."""
    for cgroup in CGROUPS.glob("lpse-ops-lab-*"):
        number = cgroup.name.rpartition("-")[2]
        if cgroup == ours or not Path(f"/sys/class/net/lpselab{number}").exists():
            remove_cgroup(cgroup)


def remove_cgroup(top: Path) -> None:
    """Remove a cgroup and all below it, whose processes have ended or are about to."""
    for folder, _, _ in os.walk(top, topdown=False):
        tries = _TRIES
        while not _is_removed(Path(folder)) and (tries := tries - 1):
            time.sleep(_PAUSE_SECONDS)


def _is_removed(cgroup: Path) -> bool:
    try:
        cgroup.rmdir()
    except FileNotFoundError:
        return True
    except OSError:
        # Whom we have killed may not have left yet.
        return False
    return True

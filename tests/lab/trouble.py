"""Why a host did not come up: how far it came, what it said, and what this machine lacks."""

import contextlib
import ctypes
import errno
import os
from pathlib import Path

_INOTIFY_LIMIT = Path("/proc/sys/fs/inotify/max_user_instances")
# A host takes seven, and three more for each account that has logged in.  The usual 128 are for
# all hosts of all labs together, and without them systemd does not even begin.
_INOTIFY_WANTED = 2048
_SHOWN_CHARACTERS = 2000


def raise_limits() -> None:
    """Have enough of what all hosts of this machine share; never lower what there is."""
    # Where /proc/sys is read-only, few hosts still fit: ``find_lacks`` says when they do not.
    with contextlib.suppress(OSError):
        if int(_INOTIFY_LIMIT.read_text()) < _INOTIFY_WANTED:
            _INOTIFY_LIMIT.write_text(str(_INOTIFY_WANTED))


def explain(name: str, how: str, console: str, jobs: str) -> str:
    """Render the whole of it: ``jobs`` is what the host's systemd still had to do."""
    load = " ".join(f"{each:.1f}" for each in os.getloadavg())
    lines = [
        f"{name} did not come up: {how}",
        *find_lacks(),
        f"load of this machine: {load} on {os.cpu_count()} processors",
    ]
    if jobs.strip():
        lines += ["it was still busy with:", jobs.strip()]
    said = console.strip()[-_SHOWN_CHARACTERS:]
    return "\n".join([*lines, "its console ends with:" if said else "its console is empty", said])


def find_lacks() -> list[str]:
    """Say what this machine has no more of, and what to type."""
    if not _has_inotify():
        limit = _INOTIFY_LIMIT.read_text().strip()
        wanted = f"sysctl fs.inotify.max_user_instances={_INOTIFY_WANTED}"
        return [f"all {limit} inotify instances of this account are in use: {wanted}"]
    return []


def _has_inotify() -> bool:
    libc = ctypes.CDLL(None, use_errno=True)
    handle = libc.inotify_init1(os.O_CLOEXEC)
    if handle >= 0:
        os.close(handle)
    return handle >= 0 or ctypes.get_errno() != errno.EMFILE

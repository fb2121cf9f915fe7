"""The process that a scratch server lives in: it ends the server and all that the server started.

Run as a script by ``apart.py``, with the standard library alone: starts one program as an account,
says in one line how that ended, and waits until its own input ends, closed or because whoever
wrote to it is gone.  Then it ends every process below it, also those that left their parents, and
removes the folder.  As the first process of a namespace nothing can outlive it; elsewhere orphans
come to it as a child subreaper.
"""

import contextlib
import ctypes
import fcntl
import json
import os
import select
import shutil
import signal
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

# linux/prctl.h, linux/sockios.h, linux/if.h and linux/mount.h
_PR_SET_CHILD_SUBREAPER, _PR_SET_NO_NEW_PRIVS = 36, 38
_SIOCSIFFLAGS, _UP = 0x8914, struct.pack("16sh14x", b"lo", 0x1 | 0x40)
_NOSUID_NODEV = 2 | 4
# Where servers of the machine have their sockets, and where theirs and ours share memory: what is
# ours there is gone with the namespace.
_HIDDEN = (
    (Path("/run"), b"mode=755,size=1m"),
    (Path("/dev/shm"), b"mode=1777"),  # noqa: S108 - nothing is made there by us
)
_SECONDS_TO_END_WELL, _SECONDS_TO_DIE = 10.0, 30.0
_WAKE_UP_SECONDS = 1.0


def keep(folder: Path, owner: tuple[int, int] | None, argv: Sequence[str]) -> None:
    """Start, report, wait, end."""
    is_first = os.getpid() == 1
    if is_first:
        _arrange(folder)
    _prctl(_PR_SET_CHILD_SUBREAPER)
    started = subprocess.run(
        argv,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        user=owner[0] if owner else None,
        group=owner[1] if owner else None,
        extra_groups=[] if owner else None,
        cwd="/",
        # No program of the machine gives it more rights than its account has.
        preexec_fn=lambda: _prctl(_PR_SET_NO_NEW_PRIVS),
        check=False,
    )
    # Before anything else can have come to us.
    server = set(find_children())
    words = started.stderr.decode(errors="replace")
    print(json.dumps({"status": started.returncode, "stderr": words}), flush=True)
    _wait_for_end_of_input()
    _signal_until(signal.SIGQUIT, lambda: list(server & {*find_children()}), _SECONDS_TO_END_WELL)
    _signal_until(signal.SIGKILL, _everybody if is_first else find_children, _SECONDS_TO_DIE)
    shutil.rmtree(folder, ignore_errors=True)


def _arrange(folder: Path) -> None:
    """Make a namespace a place to live in, as far as it is ours: hide sockets, have a loopback."""
    libc = ctypes.CDLL(None)
    for place, options in _HIDDEN:
        if not folder.is_relative_to(place):
            libc.mount(b"tmpfs", os.fsencode(place), b"tmpfs", _NOSUID_NODEV, options)
    # PostgreSQL before 15 talks to itself over it.
    with contextlib.suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_one:
        fcntl.ioctl(any_one, _SIOCSIFFLAGS, _UP)


def _prctl(option: int) -> None:
    ctypes.CDLL(None).prctl(option, 1, 0, 0, 0)


def _wait_for_end_of_input() -> None:
    while True:
        ready, _, _ = select.select([0], [], [], _WAKE_UP_SECONDS)
        _reap()
        if ready and not os.read(0, 1 << 10):
            return


def _signal_until(number: signal.Signals, find: Callable[[], list[int]], seconds: float) -> None:
    """Signal those that are there, and those that come meanwhile, until there is none."""
    deadline, told = time.monotonic() + seconds, set[int]()
    while (found := find()) and time.monotonic() < deadline:
        for pid in found:
            # Politely once; to kill is no use but against who was faster than us.
            if pid not in told or number == signal.SIGKILL:
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.kill(pid, number)
                told.add(pid)
        _reap()
        time.sleep(0.01)


def find_children() -> list[int]:
    """Children and orphans; who is killed leaves its own to us, until there are none."""
    me = os.getpid()
    try:
        text = Path(f"/proc/{me}/task/{me}/children").read_text()
    except FileNotFoundError:
        return find_children_of(me)
    return [int(pid) for pid in text.split()]


def find_children_of(parent: int, proc: Path = Path("/proc")) -> list[int]:
    """The same on a kernel that lists no children."""
    found = []
    for place in proc.glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            # A name in brackets, which may hold anything; then the state, and the parent.
            if int(place.read_text(errors="replace").rpartition(")")[2].split()[1]) == parent:
                found.append(int(place.parent.name))
    return found


def _everybody() -> list[int]:
    """All the namespace but ourselves, as one; none where there is nobody left."""
    try:
        os.kill(-1, 0)
    except ProcessLookupError:
        return []
    return [-1]


def _reap() -> None:
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


if __name__ == "__main__":
    _folder, _owner, *_argv = sys.argv[1:]
    _uid, _, _gid = _owner.partition(":")
    keep(Path(_folder), (int(_uid), int(_gid)) if _owner else None, _argv)

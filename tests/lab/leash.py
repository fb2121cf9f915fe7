"""Programs that never outlive the process they were started for, not even when that is killed.

A small process stands between owner and program.  When the owner is gone, or asks for it, the
program is killed with everything it has started, wherever that went: daemons that leave their
parent come back to a child subreaper.  Run as a script it needs the standard library only.
"""

import contextlib
import ctypes
import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_NO_OWNER = 0
_PATIENCE_SECONDS = 10


class Leash:
    """A program on its leash; made by ``start_leashed``."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process

    @property
    def is_alive(self) -> bool:
        return self._process.poll() is None

    @property
    def stdout(self) -> IO[bytes]:
        """The program's output, if ``stdout`` was ``subprocess.PIPE``."""
        assert self._process.stdout is not None
        return self._process.stdout

    def end(self) -> None:
        """Kill the program and all it has started; return when they are gone."""
        self._process.terminate()
        try:
            self._process.wait(_PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()


def start_leashed(
    argv: Sequence[str | Path],
    *,
    owned: bool = True,
    stdout: int | IO[bytes] | None = subprocess.DEVNULL,
    stderr: int | IO[bytes] | None = subprocess.DEVNULL,
    environment: Mapping[str, str] | None = None,
    cwd: Path | None = None,
) -> Leash:
    """Start a program; without ``owned`` it lives until it ends by itself or by ``end``."""
    owner = os.getpid() if owned else _NO_OWNER
    process = subprocess.Popen(
        [sys.executable, "-I", "-S", __file__, str(owner), *argv],
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        stderr=stderr,
        env=environment,
        cwd=cwd,
        # ^C is for the owner: who then ends us in good order.
        start_new_session=True,
    )
    return Leash(process)


@contextlib.contextmanager
def leashed(
    argv: Sequence[str | Path],
    *,
    stdout: int | IO[bytes] | None = subprocess.DEVNULL,
    stderr: int | IO[bytes] | None = subprocess.DEVNULL,
    environment: Mapping[str, str] | None = None,
) -> Iterator[Leash]:
    """A program for the time of a block."""
    leash = start_leashed(argv, stdout=stdout, stderr=stderr, environment=environment)
    try:
        yield leash
    finally:
        leash.end()


# --- the process in between -----------------------------------------------------------------------


def hold(owner: int, argv: Sequence[str]) -> int:
    """Run the program until it ends, the owner ends or a signal comes; return its exit status."""
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)
    wakeups = _wake_up_on((signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD))
    watched = select.poll()
    watched.register(wakeups, select.POLLIN)
    if owner != _NO_OWNER:
        with contextlib.suppress(ProcessLookupError):
            watched.register(os.pidfd_open(owner), select.POLLIN)
        # Whoever died before we began to watch has left us to somebody else.
        if os.getppid() != owner:
            return 1
    program = subprocess.Popen(argv, preexec_fn=_die_with_parent)
    status = None
    while status is None:
        ready = {file for file, _ in watched.poll()}
        if ready != {wakeups} or _asked_to_end(wakeups):
            break
        status = _reap().get(program.pid)
    _kill_descendants()
    return 0 if status is None else abs(status)


def _wake_up_on(signals: Sequence[signal.Signals]) -> int:
    """Return a file that has a byte to read for each signal that has come."""
    reads, writes = os.pipe()
    os.set_blocking(reads, False)
    os.set_blocking(writes, False)
    signal.set_wakeup_fd(writes)
    for number in signals:
        signal.signal(number, lambda *_: None)
    return reads


def _asked_to_end(wakeups: int) -> bool:
    return bool(os.read(wakeups, 1 << 10).strip(bytes([signal.SIGCHLD])))


def _prctl(option: int, value: int) -> None:
    if ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl")


def _die_with_parent() -> None:
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _reap() -> dict[int, int]:
    """Collect the children that have ended: ours and orphans."""
    ended = {}
    with contextlib.suppress(ChildProcessError):
        while (found := os.waitpid(-1, os.WNOHANG))[0]:
            ended[found[0]] = os.waitstatus_to_exitcode(found[1])
    return ended


def _kill_descendants() -> None:
    # The children of whom we kill become our own.
    while children := _children():
        for pid in children:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        with contextlib.suppress(ChildProcessError):
            os.waitpid(-1, 0)


def _children() -> list[int]:
    me = os.getpid()
    return [int(pid) for pid in Path(f"/proc/{me}/task/{me}/children").read_text().split()]


if __name__ == "__main__":
    sys.exit(hold(int(sys.argv[1]), sys.argv[2:]))

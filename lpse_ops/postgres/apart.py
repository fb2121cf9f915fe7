"""Runs a scratch server below a ``keeper``, if possible in namespaces of its own.

There what a dump starts sees no other process, has no network, and cannot outlive the keeper, not
even when that is killed.
"""

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from lpse_ops.errors import PostgresError, ProcessFailed
from lpse_ops.postgres import keeper
from lpse_ops.process import Account, Finished, run

_SPACES = ("--pid", "--fork", "--kill-child", "--ipc", "--net")
# A disk that is unmounted meanwhile must not stay mounted in there.
_OWN_PROC = ("--mount-proc", "--propagation", "slave")
_CHOICES = ((*_SPACES, *_OWN_PROC), _SPACES)
_LONGEST_LINE = 1 << 20
_SECONDS_TO_END = 60


def find_namespaces() -> tuple[str, ...]:
    """The command that gives a program namespaces of its own, here; empty where nothing does."""
    own_user = () if os.geteuid() == 0 else ("--user", "--map-current-user")
    for choice in _CHOICES:
        command = ("unshare", *own_user, *choice, "--")
        with contextlib.suppress(ProcessFailed):
            if run([*command, "true"], timeout_seconds=10).status == 0:
                return command
    return ()


@contextlib.contextmanager
def open_kept(
    argv: Sequence[str | Path],
    folder: Path,
    *,
    account: Account | None,
    namespaces: Sequence[str] = (),
) -> Iterator["Kept"]:
    """Start a server with a program that ends when it is up.

    The server is ended with the block, or when this process dies, and ``folder`` removed.
    """
    process = subprocess.Popen(
        [
            *namespaces,
            *(sys.executable, "-I", "-S", keeper.__file__, folder),
            f"{account.uid}:{account.gid}" if account else "",
            *argv,
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={"PATH": os.defpath, "LC_ALL": "C"},
        cwd="/",
        # Ctrl-C is for us; the keeper acts when we are done.
        start_new_session=True,
    )
    with process:
        kept = Kept(process)
        try:
            kept.started = _read_report(process)
            yield kept
        finally:
            kept.stop()
            try:
                process.wait(_SECONDS_TO_END)
            except subprocess.TimeoutExpired:
                # The folder is large, or its disk hangs; in namespaces the rest ends with it.
                process.kill()


class Kept:
    """A server with its keeper; ``started`` says how the program ended that started it."""

    def __init__(self, process: "subprocess.Popen[bytes]") -> None:
        self._process = process
        self.started = Finished(0, b"", "")

    def stop(self) -> None:
        """Have the server ended now, without waiting for it; once more changes nothing."""
        if self._process.stdin is not None:
            self._process.stdin.close()


def _read_report(process: subprocess.Popen[bytes]) -> Finished:
    line = process.stdout.readline(_LONGEST_LINE) if process.stdout else b""
    try:
        report = json.loads(line)
        return Finished(report["status"], b"", report["stderr"])
    except (ValueError, KeyError, TypeError) as error:
        raise PostgresError(
            "the process that a scratch cluster lives in has ended",
            hint="was it killed for want of memory? see dmesg, and run the command again",
        ) from error

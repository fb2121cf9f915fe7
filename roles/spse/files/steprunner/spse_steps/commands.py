"""Programs of others: run as an account, for a bounded time, with bounded output, until the end.

Nothing secret may be in an argument: everybody can read the process list.
"""

import contextlib
import os
import pwd
import selectors
import signal
import subprocess
import tempfile
import time
from typing import IO, Any, Callable, Dict, List, Mapping, NamedTuple, Optional, Sequence, Union

from spse_steps.errors import StepFailed
from spse_steps.processes import MARK

# As coreutils' timeout says it.
TIMED_OUT = 124
_PATIENCE_SECONDS = 5.0
_NAP_SECONDS = 0.1
_LAST_WORDS_SECONDS = 2.0
_KEPT_BYTES = 1 << 18
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


class Finished(NamedTuple):
    """``rc`` is negative when a signal ended it; the end of each output, as text."""

    rc: int
    stdout: str
    stderr: str

    @property
    def output(self) -> str:
        return "\n".join(part for part in (self.stdout.strip(), self.stderr.strip()) if part)


def find_account(name: str) -> pwd.struct_passwd:
    """The account of this name; raises StepFailed."""
    try:
        return pwd.getpwnam(name)
    except KeyError as error:
        raise StepFailed(
            f"there is no account {name} on this machine", hint=f"adduser --system {name}"
        ) from error


def run_command(
    argv: Sequence[str],
    *,
    account: str,
    seconds: float,
    mark: str = "",
    environment: Optional[Mapping[str, str]] = None,
    folder: str = "/",
    stdin: Union[bytes, IO[bytes]] = b"",
    stdout: Optional[IO[bytes]] = None,
    patience_seconds: float = _PATIENCE_SECONDS,
) -> Finished:
    """Run a program to its end; its exit status is a value.

    What it leaves in the background may keep running; only when its time is over is its whole
    process group ended, ``patience_seconds`` after it was asked to, and ``rc`` is TIMED_OUT.
    ``stdout``: a file for its output.
    """
    who = find_account(account)
    with tempfile.TemporaryFile() as given:
        if isinstance(stdin, bytes):
            given.write(stdin)
            given.seek(0)
        try:
            process = subprocess.Popen(
                list(argv),
                bufsize=0,
                cwd=folder,
                env=_environment(who, environment or {}, mark),
                stdin=given if isinstance(stdin, bytes) else stdin,
                stdout=stdout or subprocess.PIPE,
                stderr=subprocess.PIPE,
                preexec_fn=_become(who),
                start_new_session=True,
            )
        except (OSError, subprocess.SubprocessError) as error:
            raise StepFailed(
                f"cannot start {argv[0]} as {account}: {error}",
                hint=f"is it there? ls -l {argv[0]}; its path stands in the plan file",
            ) from error
        return _wait(process, seconds, patience_seconds)


def _environment(who: pwd.struct_passwd, given: Mapping[str, str], mark: str) -> Dict[str, str]:
    values = {"PATH": _PATH, "HOME": who.pw_dir, "USER": who.pw_name, "LOGNAME": who.pw_name}
    values.update(LANG="C.UTF-8", LC_ALL="C.UTF-8", LC_MESSAGES="C")
    values.update(given)
    if mark:
        values[MARK] = mark
    return values


def _become(who: pwd.struct_passwd) -> Callable[[], Any]:
    def become() -> None:
        if who.pw_uid != os.geteuid():
            os.initgroups(who.pw_name, who.pw_gid)
            os.setgid(who.pw_gid)
            os.setuid(who.pw_uid)
        os.umask(0o022)

    return become


def _wait(process: "subprocess.Popen[bytes]", seconds: float, patience: float) -> Finished:
    pipes = [pipe for pipe in (process.stdout, process.stderr) if pipe]
    kept = {pipe.fileno(): bytearray() for pipe in pipes}
    try:
        in_time = _read_until_end(process, pipes, kept, time.monotonic() + seconds)
    except BaseException:
        _end_group(process, patience)
        raise
    if not in_time:
        _end_group(process, patience)
    rc = process.wait() if in_time else TIMED_OUT
    texts = [bytes(kept[pipe.fileno()]).decode("utf-8", "replace") for pipe in pipes]
    for pipe in pipes:
        pipe.close()
    if not in_time:
        texts[-1] += f"\nended after {seconds:.0f} s: its time was over"
    return Finished(rc, texts[0] if len(texts) == 2 else "", texts[-1])


def _read_until_end(
    process: "subprocess.Popen[bytes]",
    pipes: List[IO[bytes]],
    kept: Dict[int, bytearray],
    deadline: float,
) -> bool:
    """Read until the program has ended and is silent; False when its time is over before."""
    has_ended = False
    with selectors.DefaultSelector() as selector:
        for pipe in pipes:
            selector.register(pipe, selectors.EVENT_READ)
        while True:
            ready = selector.select(_NAP_SECONDS) if selector.get_map() else []
            for key, _events in ready:
                piece = os.read(key.fd, 1 << 16)
                kept[key.fd] += piece
                del kept[key.fd][:-_KEPT_BYTES]
                if not piece:
                    selector.unregister(key.fileobj)
            if process.poll() is not None:
                if not ready:
                    return True
                # A child in the background that never stops talking is no reason to wait.
                if not has_ended:
                    deadline = min(deadline, time.monotonic() + _LAST_WORDS_SECONDS)
                has_ended = True
            if time.monotonic() > deadline:
                return process.poll() is not None
            if not selector.get_map():
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(_NAP_SECONDS)


def _end_group(process: "subprocess.Popen[bytes]", patience: float) -> None:
    """End a program and its group, of which it is the first: it has not been waited for."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(patience)
            # The rest of the group has no more time than the program took.
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)

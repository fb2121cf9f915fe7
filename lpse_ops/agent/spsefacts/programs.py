"""Programs that are asked what they know: none may take long, tell too much, or stay behind.

Runs on the managed host: standard library and ``lpse_ops.agent`` only, Python 3.6.
"""

import os
import pwd
import selectors
import subprocess
import time
from typing import Dict, Mapping, NamedTuple, Optional, Sequence, Tuple

from lpse_ops.agent.commands import SYSTEM_FOLDERS, english, find_program
from lpse_ops.agent.processes import kill_group

SECONDS = 10.0
_MOST_BYTES = 1 << 20
_PIECE_BYTES = 1 << 16
# /usr/local/bin for what sites install themselves, which cron and sudo may leave out.
_FOLDERS = (*SYSTEM_FOLDERS, "/usr/local/bin", "/usr/bin", "/bin")


class Ran(NamedTuple):
    """``trouble`` says why there is no answer; a status other than 0 is none."""

    rc: int
    stdout: str
    stderr: str
    trouble: str

    @property
    def is_good(self) -> bool:
        return not self.trouble and self.rc == 0

    @property
    def why_not(self) -> str:
        """In one line, when it is not good."""
        said = self.stderr.strip().splitlines()
        # An answer of ours in JSON begins with a bracket alone.
        first = said[0].strip() if said and said[0].strip() != "{" else " ".join(said)
        return self.trouble or (first[:200] if first else f"it ended with {self.rc}")


class Programs:
    """Asks programs; none runs on after ``deadline``, a ``time.monotonic()``."""

    def __init__(self, deadline: float) -> None:
        self._deadline = deadline

    def ask(
        self,
        *argv: str,
        seconds: float = SECONDS,
        account: str = "",
        environment: Optional[Mapping[str, str]] = None,
    ) -> Ran:
        """Run a program to its end or to the end of our patience; it has no input.

        As ``account``, which takes root if that is somebody else.
        """
        program = find_program(argv[0], _FOLDERS)
        if program is None:
            return _failed(f"{argv[0]} is not there")
        try:
            words = [*_becoming(account), program, *argv[1:]]
        except LookupError as error:
            return _failed(str(error))
        deadline = min(time.monotonic() + seconds, self._deadline)
        return _run(words, argv[0], english({**os.environ, **(environment or {})}), deadline)


def _becoming(account: str) -> Sequence[str]:
    if not account:
        return ()
    try:
        uid = pwd.getpwnam(account).pw_uid
    except KeyError:
        raise LookupError(f"there is no account {account}") from None
    if uid == os.geteuid():
        return ()
    runuser = find_program("runuser", _FOLDERS)
    if os.geteuid() != 0 or runuser is None:
        raise LookupError(f"only root can ask as {account}")
    return (runuser, "-u", account, "--")


def _run(words: Sequence[str], name: str, environment: Dict[str, str], deadline: float) -> Ran:
    try:
        # A session of its own, so that what it started ends with it.
        process = subprocess.Popen(
            words,
            cwd="/",
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
    except OSError as error:
        return _failed(f"cannot run {name}: {error.strerror}")
    told: Dict[int, bytearray] = {}
    trouble = "it did not end"
    # Not in the order of their numbers: other threads open and close files meanwhile.
    numbers = [stream.fileno() for stream in (process.stdout, process.stderr) if stream]
    try:
        told, trouble = _listen(process, name, deadline)
    finally:
        if trouble:
            kill_group(process.pid)
        process.wait()
        for stream in (process.stdout, process.stderr):
            if stream:
                stream.close()
    out, err = (bytes(told[each]).decode("utf-8", "replace") for each in numbers)
    return Ran(process.returncode, out, err, trouble)


def _listen(
    process: "subprocess.Popen[bytes]", name: str, deadline: float
) -> Tuple[Dict[int, bytearray], str]:
    """Both outputs, and what went wrong; the process has ended if nothing did."""
    pipes = [pipe for pipe in (process.stdout, process.stderr) if pipe]
    told = {pipe.fileno(): bytearray() for pipe in pipes}
    late = f"{name} did not answer in time"
    with selectors.DefaultSelector() as selector:
        for pipe in pipes:
            selector.register(pipe, selectors.EVENT_READ)
        while selector.get_map():
            left = deadline - time.monotonic()
            if left <= 0:
                return told, late
            for key, _ in selector.select(left):
                piece = os.read(key.fd, _PIECE_BYTES)
                told[key.fd] += piece
                if not piece:
                    selector.unregister(key.fileobj)
            if sum(map(len, told.values())) > _MOST_BYTES:
                return told, f"{name} did not stop talking"
    try:
        process.wait(max(deadline - time.monotonic(), 0))
    except subprocess.TimeoutExpired:
        return told, late
    return told, ""


def _failed(trouble: str) -> Ran:
    return Ran(-1, "", "", trouble)

"""Programs on the managed host: run to their end, whatever their output is encoded in.

Runs on the managed host: standard library only, Python 3.6.  A text is either split as a shell
would, or handed to a shell.  Nothing secret may be in it: everybody can read the process list.
A child that a program leaves behind, and that keeps its output open, does not hold us up.
"""

import contextlib
import locale
import os
import selectors
import shlex
import shutil
import subprocess
import threading
from typing import IO, Dict, List, Mapping, NamedTuple, Optional, Sequence, Tuple, Union

_CHUNK_BYTES = 65536
# How long the outputs may be silent after the program's end before we stop reading.
_IDLE_SECONDS = 0.05
# The best first: any text, and messages that programs can read.
_LOCALES = ("C.utf8", "C.UTF-8", "en_US.utf8")

# Where administrators' programs are, also for an account whose PATH lacks them.
SYSTEM_FOLDERS = ("/sbin", "/usr/sbin", "/usr/local/sbin")


class Finished(NamedTuple):
    """How a program ended; ``rc`` is negative when a signal ended it."""

    rc: int
    stdout: str
    stderr: str


def run_command(
    command: Union[str, Sequence[str]],
    *,
    shell: bool = False,
    executable: Optional[str] = None,
    cwd: Optional[str] = None,
    environment: Optional[Mapping[str, str]] = None,
    stdin: Optional[Union[str, bytes]] = None,
    umask: Optional[int] = None,
) -> Finished:
    """Run a program to its end; its exit status is a value, OSError means it cannot start.

    ``environment`` is the whole environment; without it the program gets ours with messages in
    English.  Without ``stdin`` its input is empty.
    """
    process = _start(
        _argv_of(command, shell, executable),
        cwd=cwd,
        environment=english(os.environ) if environment is None else environment,
        has_input=stdin is not None,
        umask=umask,
    )
    if process.stdin:
        data = stdin.encode("utf-8", "surrogateescape") if isinstance(stdin, str) else stdin
        threading.Thread(target=_feed, args=(process.stdin, data), daemon=True).start()
    stdout, stderr = _read_outputs(process)
    return Finished(process.wait(), decode(stdout), decode(stderr))


def decode(data: bytes) -> str:
    """Bytes as text from which the same bytes can be made again."""
    return data.decode("utf-8", "surrogateescape")


def english(environment: Mapping[str, str]) -> Dict[str, str]:
    """The environment with the one locale whose messages we can read on every host."""
    changed = dict(environment)
    changed.update(LANG="C.UTF-8", LANGUAGE="C.UTF-8", LC_ALL="C.UTF-8", LC_MESSAGES="C.UTF-8")
    return changed


def with_usable_locale(environment: Mapping[str, str]) -> Dict[str, str]:
    """The environment as it is, unless it names a locale that the host does not have."""
    changed = dict(environment)
    if not _is_usable(""):
        usable = next((name for name in _LOCALES if _is_usable(name)), "C")
        changed.update(LANG=usable, LC_ALL=usable, LC_MESSAGES=usable)
    return changed


def usable_folder() -> Optional[str]:
    """Where a program may start when nobody says where; None means where we are."""
    # Somebody who became another account may stand in a folder that is closed to him.
    if _is_open(os.curdir):
        return None
    return next((each for each in (os.path.expanduser("~"), "/tmp") if _is_open(each)), "/")  # noqa: S108


def _is_open(folder: str) -> bool:
    try:
        # A folder that is gone has no path any more.
        return os.access(os.path.abspath(folder), os.R_OK | os.X_OK)
    except OSError:
        return False


def _is_usable(name: str) -> bool:
    before = locale.setlocale(locale.LC_ALL)
    try:
        locale.setlocale(locale.LC_ALL, name)
    except locale.Error:
        return False
    locale.setlocale(locale.LC_ALL, before)
    return True


def find_program(name: str, folders: Sequence[str] = SYSTEM_FOLDERS) -> Optional[str]:
    """Path of a program, sought in PATH and then in the folders of administrators' programs."""
    return shutil.which(name, path=os.pathsep.join([os.environ.get("PATH", ""), *folders]))


def _argv_of(
    command: Union[str, Sequence[str]], shell: bool, executable: Optional[str]
) -> List[str]:
    if not shell:
        return shlex.split(command) if isinstance(command, str) else list(command)
    text = command if isinstance(command, str) else " ".join(map(shlex.quote, command))
    return [executable or "/bin/sh", "-c", text]


def _start(
    argv: List[str],
    *,
    cwd: Optional[str],
    environment: Mapping[str, str],
    has_input: bool,
    umask: Optional[int],
) -> "subprocess.Popen[bytes]":
    # Popen takes no umask before Python 3.9, so ours changes for a moment.
    before = None if umask is None else os.umask(umask)
    try:
        return subprocess.Popen(
            argv,
            bufsize=0,
            cwd=cwd,
            env=environment,
            stdin=subprocess.PIPE if has_input else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
    finally:
        if before is not None:
            os.umask(before)


def _feed(pipe: IO[bytes], data: bytes) -> None:
    rest = memoryview(data)
    # A program may end, or close its input, before it has read everything.
    with contextlib.suppress(BrokenPipeError), pipe:
        while rest:
            rest = rest[pipe.write(rest) :]


def _read_outputs(process: "subprocess.Popen[bytes]") -> Tuple[bytes, bytes]:
    """Read both outputs until they end, or until the program has ended and they are silent."""
    pipes = [pipe for pipe in (process.stdout, process.stderr) if pipe]
    collected = {pipe.fileno(): bytearray() for pipe in pipes}
    with selectors.DefaultSelector() as selector:
        for pipe in pipes:
            selector.register(pipe, selectors.EVENT_READ)
        while selector.get_map():
            ready = selector.select(_IDLE_SECONDS)
            if not ready and process.poll() is not None:
                break
            for key, _ in ready:
                chunk = os.read(key.fd, _CHUNK_BYTES)
                collected[key.fd] += chunk
                if not chunk:
                    selector.unregister(key.fileobj)
    stdout, stderr = (bytes(data) for data in collected.values())
    for pipe in pipes:
        pipe.close()
    return stdout, stderr

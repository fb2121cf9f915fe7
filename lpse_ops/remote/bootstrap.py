"""How an agent comes to life: one command line, one message, one answer.

A short stub in the command line reads the agent's compressed source from its input and runs it;
no file is written on the host.  The agent says a random magic word before its first frame, so that
whatever a login shell prints is skipped.
"""

import contextlib
import functools
import re
import secrets
import shlex
import time
import zlib
from collections.abc import Sequence
from dataclasses import dataclass

from lpse_ops.agent import frames
from lpse_ops.errors import HostUnreachable, InterpreterMissing
from lpse_ops.remote.sources import ENTRY, LOADER, sources_of
from lpse_ops.remote.transport import Transport

# No quotes, dollars or exclamation marks: it passes through two shells, one of them unknown.
STUB = (
    "import sys,io,zlib;sys.version_info<(3,6)and sys.exit(86);"
    "exec(zlib.decompress("
    "io.BufferedReader(io.FileIO(0,closefd=False),1).read(int(sys.argv[1]))))"
)
PYTHONS = (
    "python3",
    "/usr/libexec/platform-python",
    "/usr/bin/python3",
    *(f"python3.{minor}" for minor in range(14, 5, -1)),
)
MAX_PAYLOAD_BYTES = 64 * 1024

_TOO_OLD = 86
_NO_PYTHON = "LPSE-OPS-NO-PYTHON"
_MAX_NOISE_BYTES = 1 << 20
_SHOWN_NOISE = 400
_SECONDS_FOR_LAST_WORDS = 1.0
_PYTHON_HINT = (
    "install python3, or name one of version 3.6 or newer with"
    " ansible_python_interpreter in the inventory"
)


@dataclass(frozen=True)
class Hello:
    """What the agent says about the host and itself."""

    python: str
    executable: str
    platform: str
    uid: int
    pid: int


@dataclass(frozen=True)
class Greeting:
    """The agent's first words, and what came after them."""

    hello: Hello
    decoder: frames.Decoder
    frames: tuple[frames.Frame, ...]


def new_magic() -> bytes:
    """Eight bytes that nobody prints by chance."""
    return secrets.token_bytes(8)


def render_command(python: str, magic: bytes, beat_seconds: float) -> str:
    """The command line that starts the stub; it is the same for every kind of shell.

    ``python`` is an interpreter, perhaps with arguments; empty or ``auto`` means to look
    for one.
    """
    candidates = [python] if is_named(python) else PYTHONS
    arguments = f'-I -u -c "{STUB}" {len(payload())} {magic.hex()} {beat_seconds:g}'
    return f"/bin/sh -c {shlex.quote(_render_script(candidates, arguments))}"


def is_named(python: str) -> bool:
    """Whether it is an interpreter; else one is looked for."""
    return bool(python) and not python.startswith("auto")


@functools.cache
def payload() -> bytes:
    """The agent's source as the stub reads it, compressed."""
    loader = sources_of(LOADER)[LOADER].decode()
    texts = {name: source.decode() for name, source in sources_of(ENTRY).items()}
    texts[LOADER] = loader
    return zlib.compress(f"{loader}\nstart({texts!r})\n".encode())


def send_agent(transport: Transport) -> None:
    """Send what the stub waits for; requests may follow at once, before the agent says hello."""
    # What ended already says why in what it printed; that it did not listen is not the reason.
    with contextlib.suppress(OSError):
        transport.send(payload())


def greet(
    transport: Transport, name: str, magic: bytes, timeout_seconds: float, python: str = ""
) -> Greeting:
    """Wait for the agent's first frame; ``HostUnreachable`` says why there is none.

    ``OSError`` means that the line broke, so that an agent may be there all the same.
    """
    deadline = time.monotonic() + timeout_seconds
    received = b""
    while True:
        chunk = _receive(transport, name, deadline)
        received += chunk
        noise, found, rest = received.partition(magic)
        if found:
            break
        if not chunk or len(received) > _MAX_NOISE_BYTES:
            # What it wrote last to stderr may come a moment later.
            transport.status(_SECONDS_FOR_LAST_WORDS if not chunk else 0)
            raise explain_silence(name, received, transport.errors(), python)
    decoder = frames.Decoder()
    try:
        taken = decoder.feed(rest)
        while not taken:
            chunk = _receive(transport, name, deadline)
            if not chunk:
                raise explain_silence(name, noise, transport.errors(), python)
            taken = decoder.feed(chunk)
        return Greeting(_parse_hello(taken[0]), decoder, tuple(taken[1:]))
    except frames.FrameError as error:
        raise _stranger(name) from error


def explain_silence(name: str, output: bytes, errors: bytes, python: str = "") -> HostUnreachable:
    """Why a started command never became an agent, from what it printed instead.

    ``python`` is the interpreter that was asked for.
    """
    text = output.decode(errors="replace")
    if found := re.search(rf"{_NO_PYTHON} ?(.*)", text):
        old = found.group(1).strip()
        if not old and is_named(python):
            message = f"The module interpreter '{python}' was not found."
            return InterpreterMissing(message, hint=f"{name}: {_PYTHON_HINT}")
        what = f"only {old}, which is older than 3.6" if old else "no python3"
        return HostUnreachable(f"{name} has {what}", hint=_PYTHON_HINT)
    said = _last_words(errors) or _last_words(output)
    return HostUnreachable(
        f"{name} did not start the agent" + (f": {said}" if said else ""),
        hint="log in by hand and run: python3 -c 'import zlib'",
    )


def _render_script(candidates: Sequence[str], arguments: str) -> str:
    """Try one interpreter after the other until one is there and not too old.

    Python 3.6 takes names of files for ASCII unless the locale says UTF-8.  A locale that says so
    already is left alone: not every host has C.UTF-8.
    """
    tries = [f"t {shlex.join(shlex.split(candidate))}" for candidate in candidates]
    return "; ".join(
        [
            "case ${LC_ALL:-${LC_CTYPE:-$LANG}} in *[uU][tT][fF]*8) l=$LC_ALL;; *) l=C.UTF-8; esac",
            't() { command -v "$1" >/dev/null 2>&1 || return 0; LC_ALL=$l "$@" '
            f'{arguments} "$LC_ALL"; s=$?; [ $s = {_TOO_OLD} ] || exit $s; o=$1; }}',
            *tries,
            f"echo {_NO_PYTHON} $o",
        ]
    )


def _receive(transport: Transport, name: str, deadline: float) -> bytes:
    """Some output, empty at its end; ``HostUnreachable`` when the time is over."""
    received = None
    while received is None:
        left = deadline - time.monotonic()
        if left <= 0:
            said = _last_words(transport.errors())
            raise HostUnreachable(
                f"{name} did not start the agent in time; a task that was sent may have run"
                + (f": {said}" if said else ""),
                hint="see whether the host is overloaded, or give it more time with --timeout",
            )
        received = transport.receive(left)
    return received


def _parse_hello(frame: frames.Frame) -> Hello:
    header, _ = frame.open()
    try:
        if frame.kind != frames.HELLO or header["version"] != frames.VERSION:
            raise frames.FrameError("no hello of our version")
        return Hello(
            python=str(header["python"]),
            executable=str(header["executable"]),
            platform=str(header["platform"]),
            uid=int(header["uid"]),
            pid=int(header["pid"]),
        )
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise frames.FrameError("no hello") from error


def _stranger(name: str) -> HostUnreachable:
    return HostUnreachable(
        f"{name} answered with what no agent says",
        hint="see whether something on the host prints to the standard output of every command",
    )


def _last_words(output: bytes) -> str:
    lines = [line.strip() for line in output.decode(errors="replace").splitlines()]
    text = " / ".join(line for line in lines if line)[-_SHOWN_NOISE:]
    return "".join(char if char.isprintable() else "?" for char in text)

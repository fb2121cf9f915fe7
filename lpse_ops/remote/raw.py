"""A command line on a host that has no Python yet: its output and status, and nothing else."""

import contextlib
import secrets
import shlex
import time
from dataclasses import dataclass, replace

from lpse_ops.errors import HostUnreachable
from lpse_ops.remote.become import BecomeRefused, plan_become, talk
from lpse_ops.remote.target import Become
from lpse_ops.remote.transport import Connection, Transport

MAX_OUTPUT_BYTES = 64 << 20
_SECONDS_FOR_STATUS = 5.0


@dataclass(frozen=True)
class RawResult:
    """``stderr`` holds only its last few KiB; bytes that are no UTF-8 are surrogates."""

    rc: int
    stdout: str
    stderr: str


def run_raw(
    connection: Connection,
    name: str,
    command: str,
    *,
    become: Become | None = None,
    become_timeout_seconds: float = 10,
    timeout_seconds: float | None = None,
) -> RawResult:
    """Run a command line in the login shell, or in ``/bin/sh`` as another account.

    ``HostUnreachable`` when the line breaks or the time is over, ``BecomeRefused`` when sudo says
    no; nothing is repeated.
    """
    if become is None:
        with contextlib.closing(connection.start(command)) as transport:
            transport.end_input()
            return _read(transport, name, b"", timeout_seconds)
    if become.method != "sudo":
        raise BecomeRefused(
            f"{name}: without Python there, raw works through sudo only, not {become.method}",
            hint="log in as the account itself, or set become_method to sudo",
        )
    request = plan_become(become, command, token=secrets.token_hex(8), on_terminal=False)
    with contextlib.closing(connection.start(shlex.join(request.argv))) as transport:
        rest = talk(name, transport, request, become, become_timeout_seconds)
        transport.end_input()
        result = _read(transport, name, rest, timeout_seconds)
        return replace(result, stderr=result.stderr.replace(request.prompt.decode(), "", 1))


def _read(
    transport: Transport, name: str, output: bytes, timeout_seconds: float | None
) -> RawResult:
    deadline = None if timeout_seconds is None else time.monotonic() + timeout_seconds
    pieces = [output]
    size = len(output)
    while (received := _receive(transport, name)) != b"":
        pieces.append(received or b"")
        size += len(pieces[-1])
        if size > MAX_OUTPUT_BYTES:
            raise _given_up(name, f"the command printed more than {MAX_OUTPUT_BYTES} bytes")
        if deadline is not None and time.monotonic() > deadline:
            raise _given_up(name, f"the command took longer than {timeout_seconds:g} seconds")
    status = transport.status(_SECONDS_FOR_STATUS)
    if status is None:
        raise _given_up(name, "the connection broke")
    return RawResult(status, _text(b"".join(pieces)), _text(transport.errors()))


def _receive(transport: Transport, name: str) -> bytes | None:
    try:
        return transport.receive(1)
    except OSError as error:
        raise _given_up(name, f"the connection broke ({error})") from error


def _given_up(name: str, reason: str) -> HostUnreachable:
    return HostUnreachable(
        f"{name}: {reason}; the command may have run",
        hint="look at what it has done on the host before running it again",
    )


def _text(output: bytes) -> str:
    return output.decode("utf-8", "surrogateescape")

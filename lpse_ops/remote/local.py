"""Programs on this machine: the ``local`` connection, and every other one that is a program."""

import contextlib
import os
import select
import subprocess
import threading
from collections.abc import Mapping, Sequence
from typing import IO

from lpse_ops.errors import HostUnreachable
from lpse_ops.remote.target import Target

_READ_BYTES = 1 << 18
_KEPT_ERROR_BYTES = 8192
_PATIENCE_SECONDS = 1.0


class LocalConnection:
    """Starts command lines on this machine, as the account that runs us."""

    def __init__(self) -> None:
        self._started: list[ProgramTransport] = []

    def start(self, command: str) -> "ProgramTransport":
        transport = start_program(["/bin/sh", "-c", command])
        self._started.append(transport)
        return transport

    def close(self) -> None:
        for transport in self._started:
            transport.close()


def open_local(_target: Target) -> LocalConnection:
    return LocalConnection()


class ProgramTransport:
    """The stream to a program that we started; see ``transport.Transport``."""

    def __init__(self, process: "subprocess.Popen[bytes]") -> None:
        self._process = process
        self._errors = _ErrorOutput(process.stderr)
        self._has_ended = False
        self._sending = threading.Lock()
        self._closing = threading.Lock()
        self._stdin, self._stdout = process.stdin, process.stdout

    @property
    def pid(self) -> int:
        return self._process.pid

    def send(self, content: bytes | memoryview) -> None:
        rest = memoryview(content)
        with self._sending:
            if not self._stdin or self._stdin.closed:
                raise BrokenPipeError("the program's input is closed")
            while rest:
                rest = rest[os.write(self._stdin.fileno(), rest) :]

    def end_input(self) -> None:
        # Whoever hangs in a write keeps the input open until the program is ended.
        if self._stdin and self._sending.acquire(timeout=_PATIENCE_SECONDS):
            try:
                self._stdin.close()
            finally:
                self._sending.release()

    def receive(self, timeout_seconds: float) -> bytes | None:
        if not self._stdout or self._stdout.closed:
            return b""
        try:
            poll = select.poll()
            poll.register(self._stdout.fileno(), select.POLLIN)
            if not poll.poll(max(0.0, timeout_seconds) * 1000):
                return None
            received = os.read(self._stdout.fileno(), _READ_BYTES)
            self._has_ended = not received
            return received
        except ValueError:
            return b""

    def errors(self) -> bytes:
        # The last words of a program that goes may still be on their way.
        return self._errors.tail(is_going=self._has_ended or self._process.poll() is not None)

    def status(self, timeout_seconds: float) -> int | None:
        try:
            return self._process.wait(timeout_seconds)
        except subprocess.TimeoutExpired:
            return None

    def close(self) -> None:
        """Let the program see the end of its input; end it if it does not go."""
        with self._closing:
            self.end_input()
            if self.status(_PATIENCE_SECONDS) is None:
                with contextlib.suppress(ProcessLookupError):
                    self._process.kill()
                self._process.wait()
            self.end_input()


def start_program(
    argv: Sequence[str], *, environment: Mapping[str, str] | None = None
) -> ProgramTransport:
    """Start a program in a session of its own, so that ^C reaches only us."""
    try:
        process = subprocess.Popen(
            argv,
            bufsize=0,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment,
            start_new_session=True,
        )
    except OSError as error:
        raise HostUnreachable(
            f"cannot run {argv[0]}: {error.strerror}", hint=f"install the program {argv[0]}"
        ) from error
    return ProgramTransport(process)


class _ErrorOutput:
    """Reads a program's stderr in a thread and keeps its end."""

    def __init__(self, stream: IO[bytes] | None) -> None:
        self._kept = b""
        self._stream = stream
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def tail(self, *, is_going: bool) -> bytes:
        if is_going:
            self._thread.join(1)
        return self._kept

    def _read(self) -> None:
        if self._stream is None:
            return
        with self._stream:
            while received := os.read(self._stream.fileno(), _READ_BYTES):
                self._kept = (self._kept + received)[-_KEPT_ERROR_BYTES:]

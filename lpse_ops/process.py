"""Other programs: run to their end, or with one stream open while they run.

Argument lists only, never a shell line.  An exit status is a value; what the status means is for
the caller to say.  Nothing secret may be in ``argv``: everybody on the machine can read it.
"""

import contextlib
import fcntl
import io
import subprocess
import threading
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Literal

from lpse_ops.errors import ProcessFailed

_PIPE_BYTES = 1 << 20
_LAST_LINES = 40
_LONGEST_LINE_BYTES = 2000
_SECONDS_FOR_LAST_WORDS = 5


@dataclass(frozen=True)
class Account:
    """The account that a program runs as, with no other groups."""

    uid: int
    gid: int


@dataclass(frozen=True)
class Finished:
    """How a program ended; ``status`` is negative when a signal ended it."""

    status: int
    stdout: bytes
    stderr: str


def run(
    argv: Sequence[str | Path],
    *,
    environment: Mapping[str, str] | None = None,
    stdin: bytes = b"",
    account: Account | None = None,
    timeout_seconds: float | None = None,
) -> Finished:
    """Run a program to its end; ``ProcessFailed`` only when it cannot start or takes too long."""
    with _start_errors(argv):
        try:
            done = subprocess.run(
                argv,
                input=stdin,
                capture_output=True,
                env=environment,
                timeout=timeout_seconds,
                check=False,
                user=account.uid if account else None,
                group=account.gid if account else None,
                extra_groups=[] if account else None,
                # The account may not be allowed into the folder where we stand.
                cwd="/" if account else None,
            )
        except subprocess.TimeoutExpired as error:
            raise ProcessFailed(
                f"{Path(argv[0]).name} did not end within {timeout_seconds:g} seconds",
                hint="see whether the machine is overloaded, and run the command again",
            ) from error
    return Finished(done.returncode, done.stdout, done.stderr.decode(errors="replace"))


class RunningProgram:
    """A program with one pipe of ours; see ``open_program``.

    ``pipe`` is unbuffered: a write may take less than it is given.
    """

    def __init__(
        self, process: subprocess.Popen[bytes], pipe: io.FileIO, patience_seconds: float
    ) -> None:
        self._process = process
        self._patience_seconds = patience_seconds
        self._stderr = _LastLines(_unbuffered(process.stderr))
        self.pipe = pipe

    @property
    def pid(self) -> int:
        return self._process.pid

    def wait(self) -> Finished:
        """Close the pipe and wait for the end; ``stderr`` holds the last lines only."""
        # Output that nobody reads any more must not keep the program waiting for us.
        with contextlib.suppress(BrokenPipeError):
            self.pipe.close()
        status = self._process.wait()
        return Finished(status, b"", self._stderr.text())

    def end(self) -> None:
        """Stop the program if it still runs, politely first, and reap it."""
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(self._patience_seconds)
            except subprocess.TimeoutExpired:
                self._process.kill()
        self.wait()


@contextlib.contextmanager
def open_program(
    argv: Sequence[str | Path],
    *,
    pipe: Literal["stdin", "stdout"],
    environment: Mapping[str, str] | None = None,
    patience_seconds: float = 5,
) -> Iterator[RunningProgram]:
    """Start a program with a raw pipe to its input or from its output; leave none behind.

    Its stderr is drained all the while.  At the end of the block it is asked to stop, and killed
    when it has not within ``patience_seconds``.  Should this process be killed, the pipe breaks
    and the program ends at its next read or write.
    """
    # No PR_SET_PDEATHSIG: it fires when the thread that started the program ends.
    with _start_errors(argv):
        process = subprocess.Popen(
            argv,
            bufsize=0,
            stdin=subprocess.PIPE if pipe == "stdin" else subprocess.DEVNULL,
            stdout=subprocess.PIPE if pipe == "stdout" else subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            env=environment,
        )
    ours = _unbuffered(process.stdin if pipe == "stdin" else process.stdout)
    # An unprivileged account may have used up its share of large pipes.
    with contextlib.suppress(OSError):
        fcntl.fcntl(ours, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
    program = RunningProgram(process, ours, patience_seconds)
    try:
        yield program
    finally:
        program.end()


class _LastLines:
    """Reads a stream to its end in a thread and keeps the last lines, each cut to a bound."""

    def __init__(self, stream: io.FileIO) -> None:
        self._lines: deque[bytes] = deque(maxlen=_LAST_LINES)
        self._thread = threading.Thread(target=self._drain, args=(stream,), daemon=True)
        self._thread.start()

    def _drain(self, stream: io.FileIO) -> None:
        with io.BufferedReader(stream) as reader:
            # A line without end comes in pieces, so it is bounded as well.
            while line := reader.readline(_LONGEST_LINE_BYTES):
                self._lines.append(line)

    def text(self) -> str:
        # A grandchild may keep the stream open for ever; what is there has to do then.
        self._thread.join(_SECONDS_FOR_LAST_WORDS)
        return b"".join(self._lines).decode(errors="replace")


def _unbuffered(stream: IO[bytes] | None) -> io.FileIO:
    if not isinstance(stream, io.FileIO):
        raise TypeError("the program was started without this pipe, or with a buffer")
    return stream


@contextlib.contextmanager
def _start_errors(argv: Sequence[str | Path]) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise ProcessFailed(
            f"cannot run {argv[0]}: {error.strerror}",
            hint=f"install the program {Path(argv[0]).name}, or see who may execute it",
        ) from error

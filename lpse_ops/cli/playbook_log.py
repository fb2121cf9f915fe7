"""The log of runs: what a run says, in the file that ``log_path`` names, as Ansible writes it.

Colours are left out; secrets are masked already in what comes here.
"""

import os
import re
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import TextIO, cast

_COLORS = re.compile(r"\x1b\[[0-9;]*m")
_LEVELS = ("WARNING", "ERROR")


class RunLog:
    """Writes nothing until it is opened; a file that fails is told of once and left alone."""

    def __init__(
        self, user: str, warn: Callable[[str], None], now: Callable[[], datetime] = datetime.now
    ) -> None:
        self._user = user
        self._warn = warn
        self._now = now
        self._path = Path()
        self._descriptor: int | None = None

    def open(self, path: Path) -> None:
        """Append to a file from now on; a new one is for its owner alone."""
        self._path = path
        # A FIFO that nobody reads must not stop the run.
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NONBLOCK | os.O_CLOEXEC
        try:
            self._descriptor = os.open(path, flags, 0o600)
        except OSError as error:
            self._fail(error)

    def write(self, text: str) -> None:
        """One entry, however many lines it has; what is empty is none."""
        said = _COLORS.sub("", text).strip("\n")
        descriptor = self._descriptor
        if descriptor is None or not said:
            return
        now = self._now()
        level = next((each for each in _LEVELS if said.startswith(f"[{each}]: ")), "INFO")
        time = f"{now:%Y-%m-%d %H:%M:%S},{now.microsecond // 1000:03}"
        head = f"{time} p={os.getpid()} u={self._user} n=ansible {level}| "
        try:
            # One write, so that runs at the same time do not mix their lines.
            os.write(descriptor, f"{head}{said}\n".encode("utf-8", "backslashreplace"))
        except OSError as error:
            self._descriptor = None
            os.close(descriptor)
            self._fail(error)

    def _fail(self, error: OSError) -> None:
        self._warn(f"cannot write the log {self._path}: {error.strerror}; this run is not logged")


class _Logged:
    """A stream that tells a log everything that is written to it."""

    def __init__(self, stream: TextIO, log: RunLog) -> None:
        self._stream = stream
        self._log = log

    def write(self, text: str) -> int:
        self._log.write(text)
        return self._stream.write(text)

    def __getattr__(self, name: str) -> object:
        return getattr(self._stream, name)


def logged(stream: TextIO, log: RunLog) -> TextIO:
    """The same stream, whose every write is an entry of the log as well."""
    return cast(TextIO, _Logged(stream, log))

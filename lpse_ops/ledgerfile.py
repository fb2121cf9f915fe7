"""A file of lines that only grows: locked against other processes, durable, whole lines only.

Knows nothing of what the lines say.  An append reads the end of the file and no more.
"""

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator
from pathlib import Path

from lpse_ops.atomicfile import sync_folder, write_atomically
from lpse_ops.errors import LedgerError

MAX_LINE_BYTES = 1 << 20
_BLOCK_BYTES = 1 << 16


class LedgerFile:
    """The file at ``path``, which need not exist; its folder is made for the owner alone."""

    def __init__(self, path: Path, patience_seconds: float = 60) -> None:
        """``patience_seconds``: how long another process, which may hang, is waited for."""
        self.path = path
        self._patience_seconds = patience_seconds

    def lines(self) -> Iterator[bytes]:
        """Every line with its newline, as many as there are now.

        What follows the last newline is what a crash left, no line.
        """
        try:
            stream = self.path.open("rb")
        except FileNotFoundError:
            return
        except OSError as error:
            raise self._unusable(error) from error
        with stream:
            left = self._settled_size(stream.fileno())
            number = 0
            while left > 0:
                number += 1
                line = stream.readline(min(left, MAX_LINE_BYTES + 1))
                if not line.endswith(b"\n"):
                    if len(line) > MAX_LINE_BYTES:
                        raise self.broken(number, f"is longer than {MAX_LINE_BYTES} bytes")
                    return
                left -= len(line)
                yield line

    def torn(self) -> bytes:
        """What follows the last newline; empty unless a crash cut a line off."""
        if not self.path.exists():
            return b""
        with self.path.open("rb") as stream:
            return self._read_end(stream.fileno(), self._settled_size(stream.fileno()))[1]

    @contextlib.contextmanager
    def open_end(self) -> Iterator["LedgerEnd"]:
        """Give the end of the file, which nobody else changes until the block ends."""
        try:
            make_private_folder(self.path.parent)
            flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC
            descriptor = os.open(self.path, flags, 0o600)
        except OSError as error:
            raise self._unusable(error) from error
        try:
            self._lock(descriptor, fcntl.LOCK_EX)
            last, torn = self._read_end(descriptor, os.fstat(descriptor).st_size)
            yield LedgerEnd(self, descriptor, last, torn)
        except OSError as error:
            raise self._unusable(error) from error
        finally:
            os.close(descriptor)

    def broken(self, number: int, how: str) -> LedgerError:
        return LedgerError(
            f"{self.path}: line {number} {how}",
            hint="lpse-ops log verify says what else is wrong; keep the folder "
            f"{self.path.parent} as evidence: moved away, a new log begins",
        )

    def _read_end(self, descriptor: int, size: int) -> tuple[bytes, bytes]:
        """The last line, and what follows it."""
        content, start = b"", size
        while start and content.count(b"\n") < 2:
            if len(content) > 2 * MAX_LINE_BYTES:
                raise LedgerError(
                    f"{self.path} does not end in lines of a log",
                    hint="lpse-ops log verify says what is wrong",
                )
            step = min(_BLOCK_BYTES, start)
            start -= step
            content = os.pread(descriptor, step, start) + content
        complete, newline, torn = content.rpartition(b"\n")
        return complete.rpartition(b"\n")[2] + newline, torn

    def _settled_size(self, descriptor: int) -> int:
        """The size while nobody is in the middle of an append."""
        self._lock(descriptor, fcntl.LOCK_SH)
        try:
            return os.fstat(descriptor).st_size
        finally:
            fcntl.flock(descriptor, fcntl.LOCK_UN)

    def _lock(self, descriptor: int, kind: int) -> None:
        """No backup waits for ever: an append takes moments."""
        deadline = time.monotonic() + self._patience_seconds
        pause = 0.001
        while True:
            try:
                return fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
            except BlockingIOError as error:
                if time.monotonic() > deadline:
                    raise LedgerError(
                        f"another process holds the log {self.path} and does not let it go",
                        hint=f"see which, and whether it hangs: fuser -v {self.path}",
                    ) from error
            time.sleep(pause)
            pause = min(2 * pause, 0.02)

    def _unusable(self, error: OSError) -> LedgerError:
        return LedgerError(
            f"cannot use the log {self.path}: {error.strerror}",
            hint=f"check the disk and who owns it: df -h {self.path.parent}; ls -l {self.path}",
        )


class LedgerEnd:
    """The end of a locked file: its last line (with newline) and what a crash left after it."""

    def __init__(self, file: LedgerFile, descriptor: int, last: bytes, torn: bytes) -> None:
        self._file = file
        self._descriptor = descriptor
        self.last = last
        self.torn = torn

    def append(self, line: bytes) -> None:
        """Write a line; durable when this returns, and not there at all when it raises."""
        size = os.fstat(self._descriptor).st_size
        try:
            left = memoryview(line)
            while left:
                left = left[os.write(self._descriptor, left) :]
            os.fsync(self._descriptor)
        except BaseException:
            with contextlib.suppress(OSError):
                os.ftruncate(self._descriptor, size)
                os.fsync(self._descriptor)
            raise
        if size == 0:
            sync_folder(self._file.path.parent)
        self.last = line if line != b"\n" else self.torn + line
        self.torn = b""

    def complete(self) -> None:
        """Only the newline was lost: the torn line is the last one from now on."""
        self.append(b"\n")

    def set_aside(self, path: Path) -> None:
        """Keep what a crash left in a file of its own, and take it off the end."""
        write_atomically(path, self.torn)
        size = os.fstat(self._descriptor).st_size
        os.ftruncate(self._descriptor, size - len(self.torn))
        os.fsync(self._descriptor)
        self.torn = b""


def make_private_folder(folder: Path) -> None:
    """Make a folder, and those above it that are missing, for the owner alone; durable."""
    if folder.is_dir():
        return
    make_private_folder(folder.parent)
    with contextlib.suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    sync_folder(folder.parent)

"""Reads and replaces the files of the vault commands; what was plain before is overwritten."""

import contextlib
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from lpse_ops.atomicfile import write_atomically
from lpse_ops.cli.output import open_output
from lpse_ops.errors import OpsError, UsageError
from lpse_ops.vault import MAX_BYTES

STANDARD_STREAM = Path("-")
_ZEROS = bytes(1 << 20)


def inputs_of(files: Sequence[Path], output: Path | None) -> list[Path]:
    """The files to work on; none named means standard input, and one output takes one input."""
    if output is not None and len(files) > 1:
        raise UsageError(
            "--output takes one file only", hint="leave --output out, or name one file"
        )
    return list(files) or [STANDARD_STREAM]


def read_input(path: Path) -> bytes:
    """Read a file, or standard input for ``-``; bounded, because all of it is held in memory."""
    try:
        if path == STANDARD_STREAM:
            content = sys.stdin.buffer.read(MAX_BYTES + 1)
        else:
            with path.open("rb") as stream:
                content = stream.read(MAX_BYTES + 1)
    except OSError as error:
        raise OpsError(
            f"cannot read {path}: {error.strerror}", hint="check its name and its permissions"
        ) from error
    if len(content) > MAX_BYTES:
        raise OpsError(
            f"{path} is larger than {MAX_BYTES >> 20} MiB",
            hint="vault files are held in memory: keep large files in a backup repository",
        )
    return content


def write_result(source: Path, output: Path | None, content: bytes, *, was_plain: bool) -> None:
    """Write to ``--output``, else over the source; standard input goes to standard output."""
    target = source if output is None else output
    if target == STANDARD_STREAM:
        with open_output(None) as stream:
            stream.write(content)
    elif output is not None:
        with _write_errors(target):
            write_atomically(target.resolve(), content, mode=0o600)
    else:
        replace_privately(target, content, was_plain=was_plain)


def replace_privately(path: Path, content: bytes, *, was_plain: bool) -> None:
    """Replace a file in one step, for its owner's eyes only; plaintext that was there is wiped.

    A symbolic link keeps pointing at the file; another name of the file keeps the old content.
    """
    with _write_errors(path):
        real = path.resolve(strict=True)
        with real.open("r+b") as old:
            os.fchmod(old.fileno(), 0o600)
            write_atomically(real, content, mode=None)
            if was_plain and os.fstat(old.fileno()).st_nlink == 0:
                wipe(old.fileno())


def replace_sealed(path: Path, content: bytes) -> None:
    """Replace one ciphertext by another; mode and owner stay as they are."""
    with _write_errors(path):
        write_atomically(path.resolve(strict=True), content, mode=None)


def create_privately(path: Path, content: bytes) -> None:
    with _write_errors(path):
        write_atomically(path, content, mode=0o600)


def wipe(descriptor: int) -> None:
    """Overwrite all of an open file; some disks and file systems keep the old blocks even so."""
    left = os.fstat(descriptor).st_size
    os.lseek(descriptor, 0, os.SEEK_SET)
    while left > 0:
        left -= os.write(descriptor, _ZEROS[: min(left, len(_ZEROS))])
    os.fsync(descriptor)


@contextlib.contextmanager
def _write_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise OpsError(
            f"cannot write {path}: {error.strerror}",
            hint="check that its folder is there, has room, and may be written by you",
        ) from error

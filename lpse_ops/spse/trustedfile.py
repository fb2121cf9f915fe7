"""Files that decide what root does: nobody else may write to them, and they have an end."""

import os
import stat
from pathlib import Path

from lpse_ops.errors import PolicyRefused, ReleaseError

_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH
_OTHERS_READ = stat.S_IRWXG | stat.S_IRWXO


def read_trusted(path: Path, most_bytes: int, *, is_secret: bool = False) -> bytes:
    """Read a file of root's, or of who runs this.

    ``PolicyRefused`` if others may write to it (or read it, where it holds secrets);
    ``ReleaseError`` if it cannot be read.
    """
    try:
        with open(os.open(path, _READ), "rb") as stream:
            _judge(path, os.fstat(stream.fileno()), most_bytes, is_secret=is_secret)
            content = stream.read(most_bytes + 1)
    except OSError as error:
        raise ReleaseError(
            f"cannot read {path}: {error.strerror}", hint=f"run as root; see ls -l {path}"
        ) from error
    if len(content) > most_bytes:
        raise _too_large(path, most_bytes)
    return content


def _judge(path: Path, status: os.stat_result, most_bytes: int, *, is_secret: bool) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise PolicyRefused(f"{path} is not a file", hint=f"see what it is: ls -l {path}")
    if status.st_uid not in (0, os.geteuid()) or status.st_mode & _OTHERS_WRITE:
        raise PolicyRefused(
            f"others than root may write to {path}, which decides what root does",
            hint=f"read it first, then: chown root: {path}; chmod go-w {path}",
        )
    if is_secret and status.st_mode & _OTHERS_READ:
        raise PolicyRefused(
            f"others than root may read {path}, which holds secrets", hint=f"chmod 600 {path}"
        )
    if status.st_size > most_bytes:
        raise _too_large(path, most_bytes)


def _too_large(path: Path, most_bytes: int) -> PolicyRefused:
    return PolicyRefused(
        f"{path} is larger than {most_bytes} bytes", hint=f"see what it is: ls -l {path}"
    )


def read_beneath(root: Path, path: str, most_bytes: int) -> bytes:
    """Read a file of the application's, without following a link that somebody put there.

    ``ReleaseError`` if it is none; whose it is does not matter.
    """
    opened: list[int] = []
    try:
        flags = _READ | os.O_DIRECTORY
        opened.append(os.open(root, flags))
        *folders, name = path.split("/")
        for folder in folders:
            opened.append(os.open(folder, flags, dir_fd=opened[-1]))
        with open(os.open(name, _READ, dir_fd=opened[-1]), "rb") as stream:
            is_file = stat.S_ISREG(os.fstat(stream.fileno()).st_mode)
            content = stream.read(most_bytes + 1) if is_file else b""
    except OSError as error:
        raise ReleaseError(
            f"cannot read {root / path}: {error.strerror}",
            hint=f"a link there is not followed; run as root, and see ls -l {root / path}",
        ) from error
    finally:
        for descriptor in reversed(opened):
            os.close(descriptor)
    if not is_file:
        raise ReleaseError(f"{root / path} is no file", hint=f"see ls -l {root / path}")
    if len(content) > most_bytes:
        raise _too_large(root / path, most_bytes)
    return content

"""Files that are there whole or not at all, also after a power cut; those of others read safely.

What lies in the application's folders belongs to an account that may be in other hands: no link is
followed there, nothing but regular files is opened, and no more is read than was asked for.
"""

import contextlib
import os
import stat
from typing import Callable, Iterator, Optional, Tuple

Trace = Callable[[str], None]
Owner = Tuple[int, int]

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


def ignore(_point: str) -> None:
    """A trace that nobody listens to."""


def write_durably(
    path: str,
    content: bytes,
    *,
    mode: int = 0o600,
    owner: Optional[Owner] = None,
    trace: Trace = ignore,
    root: str = "/",
) -> None:
    """Write a whole file under its name in one step; durable when this returns.

    No link is followed below ``root``.  ``trace`` hears of each moment at which a power cut leaves
    something else behind.
    """
    folder, name = os.path.split(path)
    with open_folder_beneath(root, folder) as parent:
        temporary = f".{name[:40]}.new"
        with contextlib.suppress(FileNotFoundError):
            # What an earlier, killed run left.
            os.unlink(temporary, dir_fd=parent)
        trace(f"{name}: write")
        descriptor = os.open(temporary, _NEW, 0o600, dir_fd=parent)
        with open(descriptor, "wb") as stream:
            stream.write(content)
            stream.flush()
            if owner is not None:
                os.fchown(descriptor, *owner)
            os.fchmod(descriptor, mode)
            os.fsync(descriptor)
        trace(f"{name}: written")
        os.rename(temporary, name, src_dir_fd=parent, dst_dir_fd=parent)
        trace(f"{name}: renamed")
        os.fsync(parent)


def sync_folder(folder: str) -> None:
    """Make the names in a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def remove_durably(path: str) -> None:
    """Remove a file if it is there."""
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)
    sync_folder(os.path.dirname(path))


@contextlib.contextmanager
def open_folder_beneath(root: str, folder: str) -> Iterator[int]:
    """Open a folder at or below ``root`` without following a link on the way; OSError if one is.

    ``root`` itself is trusted and may be reached by links.
    """
    descriptor = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for part in _parts_beneath(root, folder):
            inner = os.open(part, _FOLDER, dir_fd=descriptor)
            os.close(descriptor)
            descriptor = inner
        yield descriptor
    finally:
        os.close(descriptor)


def _parts_beneath(root: str, path: str) -> Tuple[str, ...]:
    relative = os.path.relpath(path, root)
    parts = () if relative == os.curdir else tuple(relative.split(os.sep))
    if os.pardir in parts:
        raise OSError(f"{path} is not below {root}")
    return parts


@contextlib.contextmanager
def open_beneath(root: str, path: str) -> Iterator[int]:
    """Open a regular file below ``root`` for reading, without following a link; OSError if none."""
    folder, name = os.path.split(path)
    with open_folder_beneath(root, folder) as parent:
        descriptor = os.open(name, _READ, dir_fd=parent)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(f"{path} is not a regular file")
        yield descriptor
    finally:
        os.close(descriptor)


def read_beneath(root: str, path: str, limit_bytes: int, offset: int = 0) -> bytes:
    """At most ``limit_bytes`` of a file, from ``offset`` on."""
    with open_beneath(root, path) as descriptor:
        return _read(descriptor, limit_bytes, offset)


def read_trusted(path: str, limit_bytes: int) -> bytes:
    """A file that decides what we do as root: ours alone to write, no link, not too large.

    Raises OSError, whose text says what is wrong.
    """
    descriptor = os.open(path, _READ)
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise OSError("it is not a regular file")
        if status.st_uid not in (0, os.geteuid()) or status.st_mode & 0o022:
            raise OSError(f"others may write to it: chmod go-w {path}; chown root {path}")
        if status.st_size > limit_bytes:
            raise OSError(f"it is larger than {limit_bytes} bytes")
        return _read(descriptor, limit_bytes, 0)
    finally:
        os.close(descriptor)


def _read(descriptor: int, limit_bytes: int, offset: int) -> bytes:
    os.lseek(descriptor, offset, os.SEEK_SET)
    content = b""
    while len(content) < limit_bytes:
        piece = os.read(descriptor, min(1 << 16, limit_bytes - len(content)))
        if not piece:
            break
        content += piece
    return content

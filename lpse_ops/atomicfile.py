"""Files that are there whole or not at all, also after a power cut."""

import contextlib
import errno
import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

# What a crash may leave behind begins with a dot and ends with this.
TEMPORARY_SUFFIX = ".tmp"


def write_atomically(path: Path, content: bytes | memoryview, *, mode: int | None = 0o600) -> None:
    """Write a whole file under its name in one step; durable when this returns.

    ``mode=None`` keeps mode and owner of the file that is replaced; a new file gets what the
    umask leaves.  A symbolic link is replaced, not followed.
    """
    with open_atomically(path, mode=mode) as stream:
        stream.write(content)


@contextlib.contextmanager
def open_atomically(path: Path, *, mode: int | None = 0o600) -> Iterator[BinaryIO]:
    """Give a stream whose content appears under ``path`` when the block ends without an error."""
    temporary = path.parent / f".{path.name[:40]}.{secrets.token_hex(8)}{TEMPORARY_SUFFIX}"
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(temporary, flags, 0o666 if mode is None else 0o600)
    try:
        with open(descriptor, "wb") as stream:
            _set_mode(descriptor, path, mode)
            yield stream
            stream.flush()
            os.fsync(descriptor)
        temporary.replace(path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            temporary.unlink()
        raise
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable, where its file system knows how to."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        sync_if_possible(descriptor)
    finally:
        os.close(descriptor)


def sync_file_system(descriptor: int) -> None:
    """Write out all that waits in a file system, quicker than one file after the other.

    Older kernels do not say whether it worked: who must know calls fsync as well.
    """
    # Python has no function for it; without one, fsync does the same, and takes longer.
    import ctypes

    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).syncfs(descriptor)


def sync_if_possible(descriptor: int) -> None:
    """Call fsync; a file system that has none (some network and FUSE mounts) is no error."""
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise


def _set_mode(descriptor: int, path: Path, mode: int | None) -> None:
    if mode is not None:
        os.fchmod(descriptor, mode)
        return
    with contextlib.suppress(FileNotFoundError):
        old = path.stat(follow_symlinks=False)
        new = os.fstat(descriptor)
        # Owner first: changing it clears the set-user-id bits.
        if (old.st_uid, old.st_gid) != (new.st_uid, new.st_gid):
            os.fchown(descriptor, old.st_uid, old.st_gid)
        os.fchmod(descriptor, old.st_mode & 0o7777)

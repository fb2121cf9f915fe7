"""The folder of the releases while something is made in it: one process at a time."""

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from lpse_ops.atomicfile import sync_folder
from lpse_ops.errors import ReleaseError

_MODE = 0o755


@contextlib.contextmanager
def locked_releases(releases: Path) -> Iterator[int]:
    """Give a descriptor of the folder, made if need be; the lock goes with the process.

    An OSError inside the block counts as a failure to write there.
    """
    try:
        _make_folders(releases)
        descriptor = os.open(releases, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield descriptor
        finally:
            os.close(descriptor)
    except BlockingIOError as error:
        raise ReleaseError(
            f"another process works in {releases}",
            hint=f"wait for it, or see which it is: fuser -v {releases}",
        ) from error
    except OSError as error:
        raise ReleaseError(
            f"cannot write into {releases}: {error.strerror}",
            hint=f"run as root, and check the disk: df -h {releases}",
        ) from error


def _make_folders(folder: Path) -> None:
    """Make those that are missing, open to all whatever the umask: the application goes there."""
    if folder.is_dir():
        return
    _make_folders(folder.parent)
    folder.mkdir()
    folder.chmod(_MODE)
    sync_folder(folder.parent)

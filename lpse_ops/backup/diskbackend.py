"""A repository on a portable disk, reached through one descriptor of its folder.

A path means another place once the disk is pulled out or unmounted: the empty mount point, which
is a folder of the root disk.  A descriptor means the same file system for ever.  So a save after
the disk is gone fails, and never fills the root disk.
"""

import contextlib
import errno
import os
import stat
import weakref
from collections.abc import Iterator
from pathlib import Path

from lpse_ops.backup.crypto import Buffer
from lpse_ops.backup.storage.backend import CONFIG, FileKind, StoredFile
from lpse_ops.backup.storage.local import LocalBackend
from lpse_ops.backup.witness import WITNESS_FOLDER
from lpse_ops.errors import StorageError

# The last three are what a FUSE file system says whose program has ended.
_GONE = {
    *(errno.EIO, errno.ENODEV, errno.ENXIO),
    *(errno.ENOTCONN, errno.ECONNABORTED, errno.ESHUTDOWN),
}
_SMALL = {CONFIG, FileKind.KEY, FileKind.LOCK}
_MAX_SMALL_BYTES, _MAX_BYTES = 1 << 20, 1 << 30
# A name that procfs never has and lets nobody make.
_CLOSED = Path("/proc/self/fd/closed")


class DiskBackend(LocalBackend):
    """As ``LocalBackend``; ``close``, or the end of the object, gives the descriptor back.

    Until then the disk cannot be unmounted, but by force or ``--lazy``.
    """

    def __init__(self, descriptor: int, location: Path, disk_name: str) -> None:
        """Takes over the descriptor of the repository's folder, which ``location`` is shown for."""
        super().__init__(Path(f"/proc/self/fd/{descriptor}"))
        self._shown = location
        self._disk_name = disk_name
        self._real = str(self._root)
        self._give_back = weakref.finalize(self, os.close, descriptor)

    def close(self) -> None:
        # The number may soon stand for another folder.
        self._root = _CLOSED
        self._give_back()

    @property
    def location(self) -> str:
        return str(self._shown)

    def prepare(self) -> None:
        with self._words():
            super().prepare()

    def exists(self, name: str) -> bool:
        with self._words():
            return super().exists(name)

    def save(self, name: str, content: Buffer) -> None:
        with self._words():
            super().save(name, content)

    def load(self, name: str, offset: int = 0, length: int | None = None) -> bytes:
        with self._words():
            if length is None:
                self._refuse_huge(name)
            return super().load(name, offset, length)

    def _refuse_huge(self, name: str) -> None:
        """What somebody put there, perhaps sparse, is not read into memory."""
        most = _MAX_SMALL_BYTES if name.partition("/")[0] in _SMALL else _MAX_BYTES
        with contextlib.suppress(OSError):
            size = (self._root / name).stat().st_size
            if size > most:
                raise StorageError(
                    f"{self._root / name} has {size} bytes: no repository has such a file",
                    hint="see who had the disk; lpse-ops backup check says what else is wrong",
                )

    def remove(self, name: str) -> None:
        with self._words():
            super().remove(name)

    def files(self, kind: FileKind) -> Iterator[StoredFile]:
        with self._words():
            yield from super().files(kind)

    @contextlib.contextmanager
    def _words(self) -> Iterator[None]:
        """Name the place as the user does, and say what a disk that is gone looks like."""
        try:
            yield
        except StorageError as error:
            error.message = error.message.replace(self._real, str(self._shown))
            error.hint = error.hint.replace(self._real, str(self._shown))
            cause = error.__cause__
            if isinstance(cause, OSError) and cause.errno in _GONE:
                error.hint = (
                    f"was {self._disk_name} pulled out? plug it in, mount it and run the command "
                    "again; what was stored before is unharmed"
                )
            error.args = (error.message,)
            raise


def refuse_links(folder: int) -> None:
    """Raise ``StorageError`` if the repository would lead out of the disk.

    Whoever held the disk may have left links in the place of folders.
    """
    names = [CONFIG, "lpse", WITNESS_FOLDER, *FileKind]
    for name in names:
        with contextlib.suppress(FileNotFoundError):
            if stat.S_ISLNK(os.lstat(name, dir_fd=folder).st_mode):
                raise _link(name)
    for name in (FileKind.PACK, WITNESS_FOLDER):
        inside = f"/proc/self/fd/{folder}/{name}"
        with contextlib.suppress(FileNotFoundError), os.scandir(inside) as entries:
            for entry in entries:
                if entry.is_symlink():
                    raise _link(f"{name}/{entry.name}")


def _link(name: str) -> StorageError:
    return StorageError(
        f"{name!r} on the disk is a symbolic link",
        hint="no repository has links; see who had the disk: ls -l, and take the link away",
    )

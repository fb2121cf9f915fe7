"""A repository in a folder on a local or portable disk.

spec/restic-format.md, section 14: a file appears under its name only when its bytes are on the
disk, and its name is on the disk before ``save`` returns.
"""

import contextlib
import errno
import fcntl
import os
import re
import secrets
import stat
import time
from collections.abc import Iterator
from pathlib import Path

from lpse_ops.backup.crypto import Buffer
from lpse_ops.backup.storage.backend import CONFIG, FileKind, StoredFile, is_file_id
from lpse_ops.backup.storage.memory import missing, too_short
from lpse_ops.errors import StorageError, UsageError

_NO_DIRECTORY_SYNC = {errno.EINVAL, errno.ENOTSUP, errno.EBADF}
_JUNK_AFTER_SECONDS = 24 * 3600
_DIRECT_BYTES = 1024 * 1024
# A multiple of every disk's sector and of the page.
_BLOCK_BYTES = 4096
# What ``save`` calls a file before it is whole: the config, prune's record, all others.
_JUNK_CONFIG, _JUNK_RECORD, _JUNK_FILE = (
    re.compile(name + "-tmp-[0-9a-f]{8}") for name in ("config", "orphans", "[0-9a-f]{64}")
)


class LocalBackend:
    def __init__(self, root: Path) -> None:
        self._root = root
        self._modes: tuple[int, int] | None = None
        # Folders out of which files of one kind were removed since they were last synced.
        self._emptied: set[Path] = set()
        self._emptied_kind = ""

    @property
    def location(self) -> str:
        return str(self._root)

    def prepare(self) -> None:
        with _storage_errors(self._root):
            for kind in FileKind:
                self._make_folder(self._root / kind)
            for number in range(256):
                self._make_folder(self._root / FileKind.PACK / f"{number:02x}")
            _sync_folder(self._root / FileKind.PACK)
            _sync_folder(self._root)

    def exists(self, name: str) -> bool:
        with _storage_errors(self._root / name) as path:
            return path.exists()

    def save(self, name: str, content: Buffer) -> None:
        with _storage_errors(self._root / name) as path:
            self._make_folder(path.parent)
            temporary = path.with_name(f"{path.name}-tmp-{secrets.token_hex(4)}")
            try:
                # A disk pulled out now must not leave half a file under a real name.
                _write_durably(temporary, content)
                os.rename(temporary, path)
            except BaseException:
                with contextlib.suppress(OSError):
                    temporary.unlink()
                raise
            _sync_folder(path.parent)
            with contextlib.suppress(OSError):  # exFAT and CIFS have no modes
                path.chmod(self._file_and_folder_modes()[0])

    def load(self, name: str, offset: int = 0, length: int | None = None) -> bytes:
        try:
            with (
                _storage_errors(self._root / name) as path,
                open(path, "rb", opener=_open_at_once) as file,
            ):
                file.seek(offset)
                piece = file.read(length)
        except StorageError as error:
            if isinstance(error.__cause__, FileNotFoundError):
                raise missing(name) from error
            raise
        if length is not None and len(piece) < length:
            raise too_short(name)
        return piece

    def remove(self, name: str) -> None:
        with _storage_errors(self._root / name) as path:
            self._keep_order(name.partition("/")[0], path.parent)
            path.unlink(missing_ok=True)

    def _keep_order(self, kind: str, folder: Path) -> None:
        """Make removals of one kind durable before the first of another.

        After a power cut a pack must not be gone while the snapshot or index that needs it is back.
        """
        if kind == FileKind.LOCK:  # nothing depends on when a lock goes
            return
        if kind != self._emptied_kind:
            if not self._emptied_kind and kind in (FileKind.INDEX, FileKind.PACK):
                # Another process, or restic, may have removed snapshots a moment ago.
                self._emptied |= {self._root / FileKind.SNAPSHOT, self._root / FileKind.INDEX}
            for each in self._emptied:
                with contextlib.suppress(FileNotFoundError):
                    _sync_folder(each)
            self._emptied = set()
            self._emptied_kind = kind
        self._emptied.add(folder)

    def files(self, kind: FileKind) -> Iterator[StoredFile]:
        folder = self._root / kind
        with _storage_errors(folder):
            if kind is FileKind.PACK:
                for name in sorted(_names(folder)):
                    files = _stored_files(folder / name)
                    yield from (each for each in files if each.id[:2] == name)
            else:
                yield from _stored_files(folder)

    def remove_junk(self) -> None:
        """Delete half-written files that a crash left more than a day ago.

        Whoever keeps a repository at the root of a disk has files of another kind beside it.
        """
        limit = time.time() - _JUNK_AFTER_SECONDS
        names: dict[str, re.Pattern[str]] = {"": _JUNK_CONFIG, "lpse": _JUNK_RECORD}
        names |= dict.fromkeys(FileKind, _JUNK_FILE)
        names |= {f"{FileKind.PACK}/{number:02x}": _JUNK_FILE for number in range(256)}
        with contextlib.suppress(OSError):
            for folder, pattern in names.items():
                for name in _names(self._root / folder):
                    if pattern.fullmatch(name):
                        _remove_if_older(self._root / folder / name, limit)

    def _make_folder(self, folder: Path) -> None:
        """Make a folder and those above it, each of them durable."""
        if not folder.is_dir():
            self._make_folder(folder.parent)
            with contextlib.suppress(FileExistsError):  # another thread was quicker
                folder.mkdir(mode=self._file_and_folder_modes()[1])
            _sync_folder(folder.parent)

    def _file_and_folder_modes(self) -> tuple[int, int]:
        """As restic: a repository whose ``config`` the group may read is open to the group."""
        if self._modes is None:
            try:
                shared = (self._root / CONFIG).stat().st_mode & stat.S_IRGRP
            except OSError:
                return (0o400, 0o700)
            self._modes = (0o440, 0o770) if shared else (0o400, 0o700)
        return self._modes


def open_local(location: str) -> LocalBackend:
    try:
        return LocalBackend(Path(location).expanduser().absolute())
    except RuntimeError as error:
        raise UsageError(
            f"there is no home folder for {location}", hint="give the repository's whole path"
        ) from error


def _open_at_once(path: str, flags: int) -> int:
    """A FIFO in the place of a file must not make us wait for who writes into it."""
    descriptor = os.open(path, flags | os.O_NONBLOCK)
    if stat.S_ISFIFO(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "it is a FIFO, no file")
    return descriptor


def _write_durably(path: Path, content: Buffer) -> None:
    view = memoryview(content).cast("B")
    descriptor = _create(path, direct=len(view) >= _DIRECT_BYTES)
    try:
        # Past the page cache: a backup should not push out what the server works with, and
        # where memory has to be won first (virtual machines) it is several times as fast.
        written = _write_direct(descriptor, view)
        while written < len(view):
            written += os.write(descriptor, view[written:])
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _create(path: Path, *, direct: bool) -> int:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    if direct:
        try:
            return os.open(path, flags | os.O_DIRECT, 0o600)
        except OSError as error:
            if error.errno != errno.EINVAL:  # what a file system without it says
                raise
            path.unlink(missing_ok=True)
    return os.open(path, flags, 0o600)


def _write_direct(descriptor: int, view: memoryview) -> int:
    """Write whole blocks if the descriptor is for that; leave it an ordinary one; return bytes."""
    flags = fcntl.fcntl(descriptor, fcntl.F_GETFL)
    if not flags & os.O_DIRECT:
        return 0
    blocks = len(view) // _BLOCK_BYTES * _BLOCK_BYTES
    written = 0
    try:
        while written < blocks and written % _BLOCK_BYTES == 0:
            written += os.write(descriptor, view[written:blocks])
    except OSError as error:
        if error.errno != errno.EINVAL:  # memory or file system want another alignment
            raise
    fcntl.fcntl(descriptor, fcntl.F_SETFL, flags & ~os.O_DIRECT)
    return written


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in _NO_DIRECTORY_SYNC:
            raise
    finally:
        os.close(descriptor)


def _names(folder: Path) -> list[str]:
    try:
        return os.listdir(folder)
    except (FileNotFoundError, NotADirectoryError):
        return []


def _stored_files(folder: Path) -> Iterator[StoredFile]:
    for name in sorted(_names(folder)):
        if is_file_id(name):
            with contextlib.suppress(FileNotFoundError):  # removed since it was listed
                status = (folder / name).stat()
                if stat.S_ISREG(status.st_mode):
                    yield StoredFile(name, status.st_size)


def _remove_if_older(path: Path, limit: float) -> None:
    status = path.lstat()
    if stat.S_ISREG(status.st_mode) and status.st_mtime < limit:
        path.unlink()


@contextlib.contextmanager
def _storage_errors(path: Path) -> Iterator[Path]:
    try:
        yield path
    except OSError as error:
        raise StorageError(
            f"cannot use {path}: {error.strerror}", hint=_hint(error.errno, path)
        ) from error


def _hint(number: int | None, path: Path) -> str:
    if number == errno.ENOSPC:
        return f"free some space: df -h {path.parent}; what was stored before is unharmed"
    if number in (errno.EACCES, errno.EPERM):
        return f"run as the user who owns the repository: ls -ld {path.parent}"
    if number == errno.EROFS:
        return "the disk is mounted read-only: mount -o remount,rw, after a look at dmesg"
    return "is the disk plugged in and mounted? see dmesg for errors of the disk"

"""Keeps index files, snapshots and packs of trees of a remote repository on the local disk.

A wrapper around any backend.  What is kept is sealed as it is remotely, is used only while the
repository lists it, and only after its SHA-256 was compared with its name.  A cache that is full,
read-only or damaged costs time and is never an error.  ``check`` and ``repair`` must do without
it: they are asked about the remote files.
"""

import contextlib
import hashlib
import os
import stat
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from lpse_ops.atomicfile import TEMPORARY_SUFFIX, write_atomically
from lpse_ops.backup.crypto import Buffer
from lpse_ops.backup.storage.backend import Backend, FileKind, StoredFile, is_file_id
from lpse_ops.backup.storage.memory import too_short
from lpse_ops.backup.storage.wrapper import BackendWrapper
from lpse_ops.errors import StorageError, UsageError

LIMIT_BYTES = 4 << 30
# Backups leave out folders that hold this: https://bford.info/cachedir/
_TAG_NAME = "CACHEDIR.TAG"
_TAG = b"Signature: 8a477f597d28d172789f06886806bc55\n"
_JUNK_AFTER_SECONDS = 24 * 3600
_KEPT = (FileKind.INDEX, FileKind.SNAPSHOT, FileKind.PACK)
# One part is the largest file kept, one what is written between two looks at the whole.
_PARTS = 16


class CachedBackend(BackendWrapper):
    """Passes the contract of ``Backend``; may be used from several threads and processes."""

    def __init__(
        self, inner: Backend, caches: Path, repository_id: str, limit_bytes: int = LIMIT_BYTES
    ) -> None:
        """``caches`` holds one folder for each repository, so that none is taken for another."""
        if not is_file_id(repository_id):
            raise UsageError(
                f"{repository_id[:80]!r} is not the id of a repository",
                hint="run lpse-ops backup check, or do without the cache: --no-cache",
            )
        super().__init__(inner)
        self._disk = _Disk(caches / repository_id, limit_bytes)
        # Sizes of what the repository holds, as far as this process knows.
        self._sizes: dict[_Key, int] = {}
        self._lock = threading.Lock()
        self._fetching: dict[_Key, threading.Lock] = {}

    def use_tree_packs(self, packs: Mapping[str, int]) -> None:
        """Keep these packs, ids and sizes in bytes as the index has them, and no others.

        To be called once the index is loaded.  Packs of data must not be among them: they would
        only push the trees out.
        """
        keys = {_Key(FileKind.PACK, each): size for each, size in packs.items()}
        with self._lock:
            self._sizes = {k: v for k, v in self._sizes.items() if k.kind is not FileKind.PACK}
            self._sizes |= keys
        self._disk.keep_only(FileKind.PACK, packs)

    def add_tree_pack(self, pack_id: str, size_bytes: int) -> None:
        """Keep one more, which this process is about to save."""
        self._know(_Key(FileKind.PACK, pack_id), size_bytes)

    def files(self, kind: FileKind) -> Iterator[StoredFile]:
        """List the repository itself; what it no longer holds leaves the cache at the end."""
        if kind not in _KEPT:
            yield from self._inner.files(kind)
            return
        seen: dict[str, int] = {}
        for file in self._inner.files(kind):
            seen[file.id] = file.size_bytes
            if kind is not FileKind.PACK:
                self._know(_Key(kind, file.id), file.size_bytes)
            yield file
        with self._lock:
            gone = [k for k in self._sizes if k.kind is kind and seen.get(k.id) != self._sizes[k]]
            for key in gone:
                del self._sizes[key]
        self._disk.keep_only(kind, seen)

    def save(self, name: str, content: Buffer) -> None:
        self._inner.save(name, content)
        key = _key(name)
        if key is None:
            return
        view = memoryview(content).cast("B")
        if key.kind is not FileKind.PACK:
            self._know(key, len(view))
        if self._sizes.get(key) == len(view):
            self._disk.write(key, view)

    def remove(self, name: str) -> None:
        key = _key(name)
        if key is not None:
            self._forget(key)
        self._inner.remove(name)

    def load(self, name: str, offset: int = 0, length: int | None = None) -> bytes:
        key = _key(name)
        size = None if key is None else self._sizes.get(key)
        # Who reads a whole pack wants to know what the repository holds, not the cache.
        is_whole_pack = length is None and key is not None and key.kind is FileKind.PACK
        if key is None or size is None or is_whole_pack:
            return self._inner.load(name, offset, length)
        piece = self._disk.read(key, size, offset, length)
        if piece is None and self._disk.takes(size):
            piece = self._fetch(key, name, size, offset, length)
        if piece is None:
            return self._inner.load(name, offset, length)
        if length is not None and len(piece) < length:
            raise too_short(name)
        return piece

    def _fetch(
        self, key: "_Key", name: str, size: int, offset: int, length: int | None
    ) -> bytes | None:
        """Load and keep the whole file; None where the caller should ask for its part alone."""
        with self._lock:
            lock = self._fetching.setdefault(key, threading.Lock())
        with lock:
            # Another thread may have been quicker.
            piece = self._disk.read(key, size, offset, length)
            if piece is not None or key not in self._sizes:
                return piece
            try:
                content = self._inner.load(name)
            except StorageError:
                self._forget(key)  # a part of it may be readable all the same
                return None
            if not self._disk.write(key, content):
                # Nor will it next time: do not load the whole again for each part.
                self._forget(key)
            self._fetching.pop(key, None)
            return content[offset : None if length is None else offset + length]

    def _know(self, key: "_Key", size: int) -> None:
        with self._lock:
            self._sizes[key] = size

    def _forget(self, key: "_Key") -> None:
        with self._lock:
            self._sizes.pop(key, None)
        self._disk.discard(key)


class _Key(NamedTuple):
    kind: FileKind
    id: str


def _key(name: str) -> _Key | None:
    """Kind and id of a file that may be kept."""
    folder, _, file_id = name.rpartition("/")
    if not is_file_id(file_id):
        return None
    if folder == f"data/{file_id[:2]}":
        return _Key(FileKind.PACK, file_id)
    return _Key(FileKind(folder), file_id) if folder in ("index", "snapshots") else None


class _Print(NamedTuple):
    """Tells whether a file is still the one whose content was proved; access times may change."""

    inode: int
    size: int
    mtime_ns: int


class _NotAsNamed(Exception):
    """A file of the cache is not what its name and the repository's listing say."""


class _Disk:
    """The folder of one repository.  No method raises ``OSError``."""

    def __init__(self, folder: Path, limit_bytes: int) -> None:
        self._folder = folder
        self._limit = limit_bytes
        self._lock = threading.Lock()
        self._proved: dict[_Key, _Print] = {}
        self._unseen_bytes = limit_bytes  # so that the first write looks at what is there
        self._is_writable = True

    def takes(self, size_bytes: int) -> bool:
        return self._is_writable and size_bytes <= self._limit // _PARTS

    def read(self, key: _Key, size: int, offset: int, length: int | None) -> bytes | None:
        """A part of a file whose content was proved, or None; shorter at the file's end."""
        try:
            # Neither blocked by a FIFO nor led elsewhere by a link.
            flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
            descriptor = os.open(self._path(key), flags)
        except OSError:
            return None
        try:
            return self._read_proved(descriptor, key, size, offset, length)
        except _NotAsNamed:
            self.discard(key)
            return None
        except OSError:
            return None
        finally:
            os.close(descriptor)

    def _read_proved(
        self, descriptor: int, key: _Key, size: int, offset: int, length: int | None
    ) -> bytes:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode) or status.st_size != size:
            raise _NotAsNamed
        now = _Print(status.st_ino, status.st_size, status.st_mtime_ns)
        end = size if length is None else min(size, offset + length)
        if length is not None and self._proved.get(key) == now:
            return _pread(descriptor, max(0, end - offset), offset)
        content = _pread(descriptor, size, 0)
        if hashlib.sha256(content).hexdigest() != key.id:
            raise _NotAsNamed
        self._proved[key] = now
        with contextlib.suppress(OSError):
            # For the least recently used; the disk may be mounted noatime.
            os.utime(descriptor, ns=(time.time_ns(), status.st_mtime_ns))
        return content[offset:end]

    def write(self, key: _Key, content: Buffer) -> bool:
        """Keep a file, unless it is not what its name says; True if it was kept."""
        if not self.takes(len(content)) or hashlib.sha256(content).hexdigest() != key.id:
            return False
        path = self._path(key)
        try:
            with self._lock:
                self._unseen_bytes += len(content)
                if self._unseen_bytes >= self._limit // _PARTS:
                    self._make_room()
                    self._unseen_bytes = len(content)
            _make_folders(path.parent)
            write_atomically(path, memoryview(content))
        except OSError:
            # Full, read-only or gone: trying each time would only make everything slower.
            self._is_writable = False
            return False
        return True

    def keep_only(self, kind: FileKind, sizes: Mapping[str, int]) -> None:
        """Remove the files of a kind that are not these, and what a crash left half-written."""
        with contextlib.suppress(OSError), os.scandir(self._folder / kind) as entries:
            for entry in list(entries):
                with contextlib.suppress(OSError):
                    size = entry.stat(follow_symlinks=False).st_size
                    if sizes.get(entry.name) != size and not _is_being_written(entry):
                        os.unlink(entry.path)

    def _make_room(self) -> None:
        """Remove what was not used for longest until the limit is not reached for a while."""
        found = [
            (status.st_atime_ns, status.st_size, entry.path)
            for kind in _KEPT
            for entry, status in _entries(self._folder / kind)
            if stat.S_ISREG(status.st_mode)
        ]
        total = sum(size for _, size, _ in found)
        # Two parts for what is written before the next look.
        for _, size, path in sorted(found):
            if total <= self._limit - 2 * (self._limit // _PARTS):
                return
            with contextlib.suppress(FileNotFoundError):  # another process makes room, too
                os.unlink(path)
            total -= size

    def discard(self, key: _Key) -> None:
        self._proved.pop(key, None)
        with contextlib.suppress(OSError):
            self._path(key).unlink()

    def _path(self, key: _Key) -> Path:
        return self._folder / key.kind / key.id


def _pread(descriptor: int, size: int, offset: int) -> bytes:
    piece = os.pread(descriptor, size, offset)
    if len(piece) != size:
        raise _NotAsNamed
    return piece


def _make_folders(folder: Path) -> None:
    if folder.is_dir():
        return
    folder.parent.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    for each in (folder.parent, folder):
        each.mkdir(exist_ok=True, mode=0o700)
    write_atomically(folder.parent / _TAG_NAME, _TAG)


def _entries(folder: Path) -> Iterator[tuple["os.DirEntry[str]", os.stat_result]]:
    """Files of a folder; none if it is not there; those that another process removes are not."""
    with contextlib.suppress(FileNotFoundError), os.scandir(folder) as entries:
        for entry in entries:
            with contextlib.suppress(FileNotFoundError):
                yield entry, entry.stat(follow_symlinks=False)


def _is_being_written(entry: "os.DirEntry[str]") -> bool:
    """Whether another process may be writing it now."""
    age = time.time() - entry.stat(follow_symlinks=False).st_mtime
    return entry.name.endswith(TEMPORARY_SUFFIX) and age < _JUNK_AFTER_SECONDS

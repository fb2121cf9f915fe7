"""This machine's file system as the source of a backup; nothing else of a backup touches it.

Small files are read by the workers themselves, by path.
"""

import errno
import os
import stat
import time
from collections.abc import Callable, Sequence
from functools import lru_cache
from grp import getgrgid
from pwd import getpwuid

from lpse_ops.backup.node import XAttrs, encode_owner
from lpse_ops.backup.source import BatchSaver, DeliverSmall, Identity, Span, is_folder

_OPEN = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
OPEN_PLACE = os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_TICK_NS = 20_000_000
_NO_XATTRS = {errno.ENOTSUP, errno.ENODATA, errno.ENOSYS, errno.ENOENT, errno.EPERM}
NOT_REGULAR = "it is no longer a regular file"


def open_file(path: bytes, folder: int | None = None) -> int:
    """A descriptor for reading; never follows a link, never waits for a fifo's other end.

    ``path`` begins at ``folder``, if that is given: a descriptor.
    """
    try:
        # Reading for a backup should not count as use; only the owner may say so.
        return os.open(path, _OPEN | os.O_NOATIME, dir_fd=folder)
    except PermissionError:
        return os.open(path, _OPEN, dir_fd=folder)


def outlast_tick(
    ctime_ns: int,
    now_ns: Callable[[], int] = time.time_ns,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Wait, if a file has changed this very moment, until a further change would show.

    Before Linux 6.13 the times of files move on once a tick, 1 to 10 ms: who read the file now
    would take one that is written again in the same tick for unchanged, ever after.
    """
    age = now_ns() - ctime_ns
    if 0 <= age < _TICK_NS:  # a time to come is another machine's, or a wrong clock's
        sleep((_TICK_NS - age) / 1e9)


def list_names(path: bytes) -> list[bytes]:
    return sorted(os.listdir(path))


def identify(path: bytes) -> Identity | None:
    status = os.lstat(path)
    return identity_of(status) if is_folder(status) else None


def identity_of(status: os.stat_result) -> Identity:
    return status.st_dev, status.st_ino


def list_plain(path: bytes) -> tuple[list[bytes], set[bytes]]:
    with os.scandir(path) as entries:
        kinds = {entry.name: _is_plain(entry) for entry in entries}
    return sorted(kinds), {name for name, is_plain in kinds.items() if is_plain}


def _is_plain(entry: os.DirEntry[bytes]) -> bool:
    try:
        return entry.is_file(follow_symlinks=False)
    except OSError:  # gone, or not to be looked at: whoever looks again says why
        return False


def look_at(folder: bytes, names: Sequence[bytes]) -> "list[os.stat_result | OSError]":
    try:
        # Names below a descriptor: the kernel need not walk the whole path for each of them.
        descriptor = os.open(folder, OPEN_PLACE)
    except OSError as error:
        return [error] * len(names)
    try:
        return [os.stat(name, dir_fd=descriptor, follow_symlinks=False) for name in names]
    except OSError:
        return [_look(name, descriptor) for name in names]
    finally:
        os.close(descriptor)


def _look(name: bytes, folder: int) -> "os.stat_result | OSError":
    try:
        return os.stat(name, dir_fd=folder, follow_symlinks=False)
    except OSError as error:
        return error


def has_mark(folder: bytes, name: bytes, header: bytes) -> bool:
    mark = os.path.join(folder, name)
    try:
        os.lstat(mark)
        return not header or _read_start(mark, len(header)) == header
    except OSError:
        return False


def _read_start(path: bytes, size: int) -> bytes:
    with open(path, "rb") as file:
        return file.read(size)


def read_xattrs(path: bytes) -> XAttrs:
    try:
        names = os.listxattr(path, follow_symlinks=False)
        return tuple(
            (os.fsencode(name), os.getxattr(path, name, follow_symlinks=False)) for name in names
        )
    except OSError as error:
        if error.errno in _NO_XATTRS:
            return ()
        raise


@lru_cache(maxsize=4096)
def owner_text(uid: int, gid: int, /) -> str:
    """Owner fields of a node, with the names this machine knows for them."""
    return encode_owner(uid, gid, _user_name(uid), _group_name(gid))


def _user_name(uid: int) -> str:
    try:
        return getpwuid(uid).pw_name
    except KeyError:
        return ""


def _group_name(gid: int) -> str:
    try:
        return getgrgid(gid).gr_name
    except KeyError:
        return ""


def stat_folder(path: bytes) -> os.stat_result:
    status = os.stat(path)
    if not is_folder(status):
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), path)
    return status


class LocalFile:
    """A file read through one descriptor, however often."""

    def __init__(self, path: bytes) -> None:
        self._descriptor = open_file(path)
        self._before = os.fstat(self._descriptor)

    def start(self) -> None:
        outlast_tick(os.fstat(self._descriptor).st_ctime_ns)
        self._before = os.fstat(self._descriptor)
        if not stat.S_ISREG(self._before.st_mode):
            raise OSError(0, NOT_REGULAR)
        os.lseek(self._descriptor, 0, os.SEEK_SET)

    def readinto(self, buffer: memoryview, /) -> int:
        return os.readv(self._descriptor, [buffer])

    def finish(self) -> tuple[os.stat_result, os.stat_result]:
        return self._before, os.fstat(self._descriptor)

    def close(self) -> None:
        os.close(self._descriptor)


class LocalSmallReader:
    """Sends the paths: a worker opens each file and reads it into a shared buffer."""

    def __init__(self, saver: BatchSaver) -> None:
        self._saver = saver

    def submit(self, request: bytes, spans: list[Span], deliver: DeliverSmall) -> None:
        number, _ = self._saver.take_input()
        self._saver.submit_reads(number, request, spans, deliver)

    def settle(self) -> None:
        """They have it already."""


class LocalSource:
    """A ``Source``; what is asked a hundred thousand times is the very function, not a method."""

    list_names = staticmethod(list_names)
    list_plain = staticmethod(list_plain)
    identify = staticmethod(identify)
    look_at = staticmethod(look_at)
    has_mark = staticmethod(has_mark)
    read_xattrs = staticmethod(read_xattrs)
    owner_text = staticmethod(owner_text)
    stat_folder = staticmethod(stat_folder)
    exists = staticmethod(os.path.lexists)
    files_ahead = 0

    def begin_walk(self, rejects: Callable[[bytes], bool], *, one_file_system: bool) -> None:
        """Nothing is asked ahead."""

    def lstat(self, path: bytes) -> os.stat_result:
        return os.lstat(path)

    def read_link(self, path: bytes) -> bytes:
        return os.readlink(path)

    def expect_file(self, path: bytes) -> None:
        """A disk is quick enough."""

    def open_file(self, path: bytes) -> LocalFile:
        return LocalFile(path)

    def small_reader(self, saver: BatchSaver) -> LocalSmallReader:
        return LocalSmallReader(saver)

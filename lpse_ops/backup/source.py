"""Reads what the archiver needs of a file system, and nothing else touches it.

Paths are bytes: a name may hold any byte but ``/`` and NUL.
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

_OPEN = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_OPEN_PLACE = os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_TICK_NS = 20_000_000
_NO_XATTRS = {errno.ENOTSUP, errno.ENODATA, errno.ENOSYS, errno.ENOENT, errno.EPERM}


def open_file(path: bytes) -> int:
    """A descriptor for reading; never follows a link, never waits for a fifo's other end."""
    try:
        # Reading for a backup should not count as use; only the owner may say so.
        return os.open(path, _OPEN | os.O_NOATIME)
    except PermissionError:
        return os.open(path, _OPEN)


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


def list_folder(path: bytes) -> list["os.DirEntry[bytes]"]:
    """Entries in the order of the format: by the bytes of their names."""
    with os.scandir(path) as entries:
        return sorted(entries, key=_entry_name)


def _entry_name(entry: "os.DirEntry[bytes]") -> bytes:
    return entry.name


def list_names(path: bytes) -> list[bytes]:
    """The names alone, in the same order."""
    return sorted(os.listdir(path))


def look_at(folder: bytes, names: Sequence[bytes]) -> "list[os.stat_result | OSError]":
    """The status of each entry of a folder, or why there is none; links are not followed."""
    try:
        # Names below a descriptor: the kernel need not walk the whole path for each of them.
        descriptor = os.open(folder, _OPEN_PLACE)
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


def read_xattrs(path: bytes) -> XAttrs:
    """Extended attributes, ACLs among them, in the order the file system lists them."""
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
def owner_text(uid: int, gid: int) -> str:
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


def is_same_version(before: os.stat_result, after: os.stat_result) -> bool:
    """Whether a file looks untouched between two looks."""
    return (
        before.st_ino == after.st_ino
        and before.st_size == after.st_size
        and before.st_mtime_ns == after.st_mtime_ns
        and before.st_ctime_ns == after.st_ctime_ns
    )


def stat_folder(path: bytes) -> os.stat_result:
    """Status of a folder, through links; ``NotADirectoryError`` for anything else."""
    status = os.stat(path)
    if not is_folder(status):
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), path)
    return status


def is_folder(status: os.stat_result) -> bool:
    return stat.S_ISDIR(status.st_mode)

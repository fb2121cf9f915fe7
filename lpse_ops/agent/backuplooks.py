"""What a backup is told of this host's files: status, links, extended attributes, owners.

All numbers are big-endian; a text is its length (``H``) and its bytes.  The reader is
``lpse_ops.backup.hostreader``.
Runs on the managed host: standard library and ``lpse_ops.agent`` only, Python 3.6.
"""

import errno
import grp
import os
import pwd
import stat
import struct
from typing import Any, Callable, Dict, List, Optional, Sequence, Tuple, Union

# mode, links, inode, device, device it is, uid, gid, size, mtime and ctime (seconds, nanoseconds).
STATUS = struct.Struct(">IQQQQIIQqIqI")
SHORT = struct.Struct(">H")
_VALUE = struct.Struct(">I")
_BLOCK = struct.Struct(">cIIHII")
NO_BLOCK = 0xFFFFFFFF
# In place of the number of attributes: an error's number follows, or they must be asked for.
XATTRS_FAILED = 0xFFFF
XATTRS_TOO_LARGE = 0xFFFE
_OPEN_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_NO_XATTRS = (errno.ENOTSUP, errno.ENODATA, errno.ENOSYS, errno.ENOENT, errno.EPERM)
# Larger ones are told only to who asks for this very file.
_XATTR_BYTES = 64 * 1024
_ALONE_XATTR_BYTES = 16 * 1024 * 1024
_SECOND = 1000000000

Place = Union[int, bytes]
# Path, number of the block that has its entry, number of the entry there, device it began on.
_Waiting = Tuple[bytes, int, int, int]


class Looks:
    """Collects what is told; ``content`` is the answer, owners at its end."""

    def __init__(self) -> None:
        self._told = bytearray()
        self._users: Dict[int, bytes] = {}
        self._groups: Dict[int, bytes] = {}

    def __len__(self) -> int:
        return len(self._told)

    def cut(self, length: int) -> None:
        """Take back what was told after that length."""
        del self._told[length:]

    def content(self) -> bytes:
        parts = [bytes(self._told), b"E"]
        for names in (self._users, self._groups):
            parts.append(_VALUE.pack(len(names)))
            parts += [_VALUE.pack(number) + text(name) for number, name in names.items()]
        return b"".join(parts)

    def begin_block(self, above: int, entry: int, error: int, names: int, entries: int) -> None:
        self._told += _BLOCK.pack(b"D", above, entry, error, names, entries)

    def set_number(self, place: int, number: int) -> None:
        """Say a number that was not known when its place was reached."""
        _VALUE.pack_into(self._told, place, number)

    def add_name(self, name: bytes) -> None:
        self._told += text(name)

    def add_error(self, error: OSError) -> None:
        self._told += SHORT.pack(error.errno or errno.EIO)

    def add_open(self, status: os.stat_result, descriptor: int, limit: int) -> None:
        """The status of an open file, and its extended attributes."""
        self._learn(status)
        self._told += SHORT.pack(0) + pack_status(status) + pack_xattrs(descriptor, limit)

    def add_status(self, status: os.stat_result, path: bytes, limit: int = _XATTR_BYTES) -> None:
        """A status, and what belongs to it: the target of a link, extended attributes."""
        self._learn(status)
        self._told += SHORT.pack(0) + pack_status(status)
        if stat.S_ISSOCK(status.st_mode):
            self._told += SHORT.pack(0)  # nobody stores one
            return
        if stat.S_ISLNK(status.st_mode):
            self._told += _link(path)
        self._told += pack_xattrs(path, limit)

    def _learn(self, status: os.stat_result) -> None:
        if status.st_uid not in self._users:
            self._users[status.st_uid] = _name(pwd.getpwuid, status.st_uid)
        if status.st_gid not in self._groups:
            self._groups[status.st_gid] = _name(grp.getgrgid, status.st_gid)


def text(value: bytes) -> bytes:
    return SHORT.pack(len(value)) + value


def read_texts(content: bytes) -> List[bytes]:
    """Texts, one after the other, to the end."""
    found = []
    start = 0
    while start < len(content):
        (size,) = SHORT.unpack_from(content, start)
        start += SHORT.size + size
        found.append(content[start - size : start])
    return found


def pack_status(status: os.stat_result) -> bytes:
    return STATUS.pack(
        status.st_mode,
        status.st_nlink,
        status.st_ino,
        status.st_dev,
        status.st_rdev,
        status.st_uid,
        status.st_gid,
        status.st_size,
        *divmod(status.st_mtime_ns, _SECOND),
        *divmod(status.st_ctime_ns, _SECOND),
    )


def pack_xattrs(place: Place, limit: int) -> bytes:
    """Extended attributes of a path (not through links), or of a descriptor."""
    follow = isinstance(place, int)
    try:
        names = os.listxattr(place, follow_symlinks=follow)
        parts = [SHORT.pack(len(names))]
        for name in names:
            value = os.getxattr(place, name, follow_symlinks=follow)
            parts += [text(os.fsencode(name)), _VALUE.pack(len(value)), value]
    except OSError as error:
        if error.errno in _NO_XATTRS:
            return SHORT.pack(0)
        return SHORT.pack(XATTRS_FAILED) + SHORT.pack(error.errno or errno.EIO)
    packed = b"".join(parts)
    return packed if len(packed) <= limit else SHORT.pack(XATTRS_TOO_LARGE)


def look_at_path(looks: Looks, path: bytes, *, follow: bool) -> None:
    """Tell one path's status, or why there is none; raises ``OSError`` for that."""
    status = os.stat(path, follow_symlinks=follow)
    looks.add_status(status, path, limit=_ALONE_XATTR_BYTES)


def look_at_names(looks: Looks, folder: bytes, names: Sequence[bytes]) -> None:
    """Tell of some entries of a folder, in the order they were asked for."""
    looks.begin_block(NO_BLOCK, 0, 0, len(names), len(names))
    try:
        descriptor = os.open(folder, _OPEN_FOLDER)
    except OSError as error:
        for name in names:
            looks.add_name(name)
            looks.add_error(error)
        return
    try:
        _add_entries(looks, folder, names, descriptor, NO_BLOCK)
    finally:
        os.close(descriptor)


def walk(
    looks: Looks, paths: Sequence[bytes], entries: int, size_bytes: int, *, one_file_system: bool
) -> None:
    """Tell what folders hold and all below, in the order in which a backup goes through them.

    Ends when so many entries or bytes are told, always between two folders; only of the first
    one there may be names that nothing else is told of.
    """
    block = 0
    size_bytes += len(looks)
    for number, path in enumerate(paths):
        waiting: List[_Waiting] = [(path, NO_BLOCK, number, _device(path))]
        while waiting:
            folder, above, entry, device = waiting.pop()
            length = len(looks)
            told = _tell_folder(
                looks, (folder, above, entry), entries, size_bytes, first=block == 0
            )
            if told is None:
                looks.cut(length)
                return
            entries -= max(1, len(told))
            for place, name, its_device in reversed(told):
                if name and not (one_file_system and its_device != device):
                    waiting.append((os.path.join(folder, name), block, place, device))
            block += 1
            if entries <= 0 or len(looks) >= size_bytes:
                return


def _tell_folder(
    looks: Looks, about: Tuple[bytes, int, int], entries: int, size_bytes: int, *, first: bool
) -> Optional[List[Tuple[int, bytes, int]]]:
    """Tell of a folder; None if it is too much: then it is left out, but for the first one.

    Returns a triple for each entry told: its number, and its name and device if it is a folder.
    """
    path, above, entry = about
    try:
        descriptor = os.open(path, _OPEN_FOLDER)
    except OSError as error:
        looks.begin_block(above, entry, error.errno or errno.EIO, 0, 0)
        return []
    try:
        names = sorted(map(os.fsencode, os.listdir(descriptor)))
        if len(names) > entries and not first:
            return None
        length = len(looks)
        looks.begin_block(above, entry, 0, len(names), 0)
        told = _add_entries(looks, path, names[:entries], descriptor, size_bytes)
        if len(told) < len(names) and not first:
            return None
        # How many they became is known only now.
        start = length + _BLOCK.size - _VALUE.size
        looks.set_number(start, len(told))
        for name in names[len(told) :]:
            looks.add_name(name)
        return told
    except OSError as error:
        looks.begin_block(above, entry, error.errno or errno.EIO, 0, 0)
        return []
    finally:
        os.close(descriptor)


def _add_entries(
    looks: Looks, folder: bytes, names: Sequence[bytes], descriptor: int, size_bytes: int
) -> List[Tuple[int, bytes, int]]:
    told: List[Tuple[int, bytes, int]] = []
    for number, name in enumerate(names):
        if len(looks) >= size_bytes:
            break
        looks.add_name(name)
        try:
            status = os.stat(name, dir_fd=descriptor, follow_symlinks=False)
        except OSError as error:
            looks.add_error(error)
            told.append((number, b"", 0))
            continue
        looks.add_status(status, os.path.join(folder, name))
        told.append((number, name if stat.S_ISDIR(status.st_mode) else b"", status.st_dev))
    return told


def _link(path: bytes) -> bytes:
    """A link's target after an error's number, which is 0 when there is one."""
    try:
        return SHORT.pack(0) + text(os.readlink(path))
    except OSError as error:
        return SHORT.pack(error.errno or errno.EIO)


def _device(path: bytes) -> int:
    try:
        return os.lstat(path).st_dev
    except OSError:
        return 0


def _name(find: Callable[[int], Any], number: int) -> bytes:
    try:
        return os.fsencode(find(number)[0])
    except (KeyError, OverflowError, OSError):
        return b""

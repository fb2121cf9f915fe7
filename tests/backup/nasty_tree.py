"""A folder with everything a file system can hold that a backup could get wrong, and its proof.

``make_nasty_tree`` needs root for devices and foreign owners; without it these are left out.
Two trees are equal when ``describe_tree`` says the same about both.
"""

import errno
import hashlib
import os
import socket
import stat
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

ODD_NAMES = (
    b"\xff\xfe not UTF-8",
    b"half \xc3",
    b"\xed\xa0\x80 surrogate",
    b"\xf5\x80\x80\x80 too high",
    b'quote " and \\ and \\x41',
    b"' `$(id)`; rm -rf *",
    b"bell \x07 tab \t line\nfeed\r",
    b"A&B <tag>.pdf",
    "line \u2028 and \u2029 separators".encode(),
    "no-break \u00a0 space, soft \u00ad hyphen".encode(),
    "replacement \ufffd".encode(),
    "Laporan Pengadaan é ü ß 日本 😀".encode(),
    "decomposed e\u0301".encode(),
    "composed \u00e9".encode(),
    "rtl \u202e gpj.exe".encode(),
    "private \ue000 and \U0010ffff".encode(),
    b" leading and trailing ",
    b"-rf",
    b"...",
    b"*?[x]",
    b"n" * 255,
    "é".encode() * 127 + b"x",
    b"\x80" * 255,
)
MODES = (0o000, 0o001, 0o400, 0o644, 0o777, 0o4755, 0o2755, 0o6711, 0o1644, 0o7777)
# Before the epoch, on it, the last nanosecond of a second, and after 2038.
TIMES_NS = (
    -1_000_000_000 * 86_400 * 400 + 1,
    0,
    999_999_999,
    1_700_000_000_123_456_789,
    1_700_000_000_100_000_000,
    4_102_444_800_000_000_001,
)
LINK_TARGETS = (
    b"file-0644",
    b"/etc/passwd",
    b"../../../../../../etc",
    b"nothing there",
    b"bad \xff\xfe bytes",
    b'quote " \\ \n \x01',
    "é \u2028 <&>".encode(),
    b"t" * 4000,
)
# A user, the owner, a named user (1001: rw-), the group, the mask, others: version 2 of the ABI.
ACL = bytes.fromhex(
    "0200000001000600ffffffff02000600e903000004000400ffffffff10000600ffffffff20000400ffffffff"
)
_NOT_HERE = {errno.EPERM, errno.ENOTSUP, errno.EACCES}


@dataclass(frozen=True)
class Described:
    """One entry; ``same_as`` is the first path of the same inode, ``what`` content or target."""

    kind: str
    permissions: int
    owner: tuple[int, int]
    mtime_ns: int
    size: int
    device: int
    what: bytes
    xattrs: tuple[tuple[str, bytes], ...]
    same_as: bytes


def make_nasty_tree(root: Path) -> None:
    """Make it at ``root``, which does not exist yet."""
    base = os.fsencode(root)
    os.mkdir(base)
    for make in (_names, _modes, _times, _links, _special, _contents, _xattrs, _folders):
        folder = os.path.join(base, make.__name__[1:].encode())
        os.mkdir(folder)
        make(folder)
    # Making entries moved the folders' times.
    for number, folder in enumerate(sorted(_folders_below(base), reverse=True)):
        os.utime(folder, ns=(0, 1_600_000_000_000_000_000 + number * 1_000_000_007))


def describe_tree(root: Path) -> dict[bytes, Described]:
    """What is below ``root``, the root itself as ``.``; sockets are no part of a backup."""
    base = os.fsencode(root)
    first: dict[tuple[int, int], bytes] = {}
    return {
        path: _describe(os.path.join(base, path), path, first)
        for path in sorted(_paths(base))
        if not stat.S_ISSOCK(os.lstat(os.path.join(base, path)).st_mode)
    }


def _write(path: bytes, content: bytes = b"") -> None:
    with open(path, "xb") as file:
        file.write(content)


def _names(folder: bytes) -> None:
    for number in range(1, 256):
        name = bytes([number])
        if name not in (b"/", b"."):
            _write(os.path.join(folder, name), name * 3)
    for name in ODD_NAMES:
        path = os.path.join(folder, name)
        _try(partial(_write, path, name))
    os.mkdir(os.path.join(folder, b"folder \xff\n\xe2\x80\xa8"))
    _write(os.path.join(folder, b"folder \xff\n\xe2\x80\xa8", b"\xfe"), b"inside")


def _modes(folder: bytes) -> None:
    for mode in MODES:
        path = os.path.join(folder, f"file-{mode:04o}".encode())
        _write(path, b"x" * mode)
        _own(path, 1000 + mode, 2000 + mode)
        os.chmod(path, mode)
        path = os.path.join(folder, f"folder-{mode:04o}".encode())
        os.mkdir(path)
        if mode & 0o700 == 0o700 or os.getuid() == 0:
            _write(os.path.join(path, b"inside"), b"y")
        _own(path, 3, 4)
        os.chmod(path, mode)


def _times(folder: bytes) -> None:
    for number, time_ns in enumerate(TIMES_NS):
        path = os.path.join(folder, f"time-{number}".encode())
        _write(path)
        os.utime(path, ns=(time_ns, time_ns))
        os.symlink(b"x", path + b"-link")
        os.utime(path + b"-link", ns=(time_ns, time_ns), follow_symlinks=False)


def _links(folder: bytes) -> None:
    _write(os.path.join(folder, b"first"), b"one inode, many names")
    os.mkdir(os.path.join(folder, b"below"))
    for name in (b"second", b"below/third", b"a-before-first"):
        os.link(os.path.join(folder, b"first"), os.path.join(folder, name))
    _write(os.path.join(folder, b"empty-1"))
    os.link(os.path.join(folder, b"empty-1"), os.path.join(folder, b"empty-2"))
    for number, target in enumerate(LINK_TARGETS):
        path = os.path.join(folder, f"link-{number}".encode())
        os.symlink(target, path)
        _own(path, 12, 34)
        os.utime(path, ns=(7, 1_234_567_890_000_000_000 + number), follow_symlinks=False)


def _special(folder: bytes) -> None:
    path = os.path.join(folder, b"fifo")
    os.mkfifo(path)
    os.chmod(path, 0o640)
    with socket.socket(socket.AF_UNIX) as listener:
        # The address has a limit that long temporary folders exceed; the descriptor's does not.
        directory = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            listener.bind(f"/proc/self/fd/{directory}/socket")
        finally:
            os.close(directory)
    for name, kind in ((b"char", stat.S_IFCHR), (b"block", stat.S_IFBLK)):
        path = os.path.join(folder, name)
        _try(partial(os.mknod, path, kind | 0o620, os.makedev(300, 70_000)))
        if os.path.lexists(path):
            os.chmod(path, 0o620)


def _contents(folder: bytes) -> None:
    noise = hashlib.shake_256(b"nasty").digest(5_000_000)
    for name, content in {
        b"empty": b"",
        b"one": b"1",
        b"zero-byte": b"\0",
        b"text": b"INSERT INTO paket VALUES (1, 'x');\n" * 50_000,
        b"noise": noise,
        b"noise-again": noise,
        b"noise-longer": noise + b"tail",
        b"zeros": bytes(3_000_000),
        b"gzip-like": b"\x1f\x8b" + noise[:600_000],
    }.items():
        _write(os.path.join(folder, name), content)
    with open(os.path.join(folder, b"sparse"), "xb") as file:
        file.seek(9_000_000)
        file.write(b"after the hole")
        file.truncate(20_000_000)
    with open(os.path.join(folder, b"all-hole"), "xb") as file:
        file.truncate(6_000_000)


def _xattrs(folder: bytes) -> None:
    path = os.path.join(folder, b"user")
    _write(path, b"x")
    _set(path, "user.text", b"hello")
    _set(path, "user.empty", b"")
    _set(path, "user.bytes", bytes(range(256)))
    _set(path, os.fsdecode("user.na\u2028me-é".encode()), b"1")
    path = os.path.join(folder, b"acl")
    _write(path, b"x")
    _own(path, 1000, 1000)
    _set(path, "system.posix_acl_access", ACL)
    path = os.path.join(folder, b"capability")
    _write(path, b"x")
    _own(path, 1000, 1000)
    # Changing the owner takes capabilities away, so a restore must set them later.
    _set(path, "security.capability", bytes.fromhex("0000000200040000000000000000000000000000"))
    path = os.path.join(folder, b"folder")
    os.mkdir(path)
    _set(path, "system.posix_acl_default", ACL)
    _set(path, "user.on-folder", b"yes")
    # Its access list comes from the folder's default.
    _write(os.path.join(path, b"inherits"), b"x")
    path = os.path.join(folder, b"read-only")
    _write(path, b"x")
    _set(path, "user.x", b"y")
    os.chmod(path, 0o400)


def _folders(folder: bytes) -> None:
    deep = folder
    for level in range(40):
        deep = os.path.join(deep, b"level-%d" % level)
        os.mkdir(deep)
    _write(os.path.join(deep, b"bottom"), b"far down")
    os.mkdir(os.path.join(folder, b"empty"))
    for number in range(300):
        _write(os.path.join(folder, b"many-%d" % number), b"%d" % (number % 7))


def _own(path: bytes, uid: int, gid: int) -> None:
    _try(lambda: os.lchown(path, uid, gid))


def _set(path: bytes, name: str, value: bytes) -> None:
    _try(lambda: os.setxattr(path, name, value))


def _try(make: Callable[[], None]) -> None:
    """What this user or this file system cannot make is not in the tree."""
    try:
        make()
    except OSError as error:
        if error.errno not in _NOT_HERE and error.errno != errno.EILSEQ:
            raise


def _folders_below(base: bytes) -> list[bytes]:
    return [folder for folder, _, _ in os.walk(base)]


def _paths(base: bytes) -> list[bytes]:
    found = [b"."]
    for folder, folders, files in os.walk(base):
        found += [os.path.relpath(os.path.join(folder, name), base) for name in folders + files]
    return found


def _describe(path: bytes, name: bytes, first: dict[tuple[int, int], bytes]) -> Described:
    status = os.lstat(path)
    mode = status.st_mode
    same_as = name
    if not stat.S_ISDIR(mode):
        same_as = first.setdefault((status.st_dev, status.st_ino), name)
    is_device = stat.S_ISBLK(mode) or stat.S_ISCHR(mode)
    return Described(
        kind=stat.filemode(mode)[0],
        permissions=stat.S_IMODE(mode),
        owner=(status.st_uid, status.st_gid),
        mtime_ns=status.st_mtime_ns,
        size=status.st_size if stat.S_ISREG(mode) else 0,
        device=status.st_rdev if is_device else 0,
        what=_what(path, mode),
        xattrs=_read_xattrs(path),
        same_as=same_as,
    )


def _what(path: bytes, mode: int) -> bytes:
    if stat.S_ISLNK(mode):
        return os.readlink(path)
    if not stat.S_ISREG(mode):
        return b""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").digest()


def _read_xattrs(path: bytes) -> tuple[tuple[str, bytes], ...]:
    names = sorted(os.listxattr(path, follow_symlinks=False))
    return tuple((name, os.getxattr(path, name, follow_symlinks=False)) for name in names)

"""What ``stat`` and ``find`` say about a file, key by key as Ansible does."""

import contextlib
import grp
import hashlib
import os
import pwd
import stat
from typing import Any, Dict

_PERMISSIONS = {
    "wusr": stat.S_IWUSR,
    "rusr": stat.S_IRUSR,
    "xusr": stat.S_IXUSR,
    "wgrp": stat.S_IWGRP,
    "rgrp": stat.S_IRGRP,
    "xgrp": stat.S_IXGRP,
    "woth": stat.S_IWOTH,
    "roth": stat.S_IROTH,
    "xoth": stat.S_IXOTH,
    "isuid": stat.S_ISUID,
    "isgid": stat.S_ISGID,
}
_PIECE_BYTES = 1 << 20


def describe_status(path: str, status: os.stat_result) -> Dict[str, Any]:
    """Kind, owner, mode, size and times of what lies at ``path``."""
    mode = status.st_mode
    facts: Dict[str, Any] = {
        "path": path,
        "mode": f"{stat.S_IMODE(mode):04o}",
        "isdir": stat.S_ISDIR(mode),
        "ischr": stat.S_ISCHR(mode),
        "isblk": stat.S_ISBLK(mode),
        "isreg": stat.S_ISREG(mode),
        "isfifo": stat.S_ISFIFO(mode),
        "islnk": stat.S_ISLNK(mode),
        "issock": stat.S_ISSOCK(mode),
        "uid": status.st_uid,
        "gid": status.st_gid,
        "size": status.st_size,
        "inode": status.st_ino,
        "dev": status.st_dev,
        "nlink": status.st_nlink,
        "atime": status.st_atime,
        "mtime": status.st_mtime,
        "ctime": status.st_ctime,
    }
    facts.update((name, bool(mode & bit)) for name, bit in _PERMISSIONS.items())
    facts.update(_names(status))
    return facts


def hash_file(path: str, algorithm: str) -> str:
    """Hexadecimal checksum of a file's content; the file is never in memory as a whole."""
    digest = hashlib.new(algorithm)
    with open(path, "rb") as stream:
        for piece in iter(lambda: stream.read(_PIECE_BYTES), b""):
            digest.update(piece)
    return digest.hexdigest()


def _names(status: os.stat_result) -> Dict[str, str]:
    names = {}
    with contextlib.suppress(KeyError):
        names["pw_name"] = pwd.getpwuid(status.st_uid).pw_name
    with contextlib.suppress(KeyError):
        names["gr_name"] = grp.getgrgid(status.st_gid).gr_name
    return names

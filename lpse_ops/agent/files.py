"""What a file of this host is: its kind, owner, mode, label and checksum.

Runs on the managed host: standard library and ``lpse_ops.agent`` only, Python 3.6.
"""

import grp
import hashlib
import os
import pwd
import stat
from typing import Any, Dict, Optional

from lpse_ops.agent import selinux
from lpse_ops.agent.modes import octal

_PIECE_BYTES = 1 << 20


def kind_of(path: str) -> str:
    """``absent``, ``link`` (also one that leads nowhere), ``directory``, ``hard`` or ``file``."""
    try:
        status = os.lstat(path)
    except OSError:
        return "absent"
    if stat.S_ISLNK(status.st_mode):
        return "link"
    if stat.S_ISDIR(status.st_mode):
        return "directory"
    return "hard" if status.st_nlink > 1 else "file"


def describe(path: str) -> Dict[str, Any]:
    """What results say of the file they name; nothing if it, or a link's target, is missing."""
    if not os.path.exists(path):
        return {}
    status = os.lstat(path)
    described = {
        "uid": status.st_uid,
        "gid": status.st_gid,
        "owner": user_name(status.st_uid),
        "group": group_name(status.st_gid),
        "mode": octal(stat.S_IMODE(status.st_mode)),
        "state": kind_of(path),
        "size": status.st_size,
    }
    label = selinux.read_label(path) if selinux.is_enabled() else None
    if label:
        described["secontext"] = label
    return described


def user_name(uid: int) -> str:
    """Name of an account, or its number as text."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def group_name(gid: int) -> str:
    """Name of a group, or its number as text."""
    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return str(gid)


def digest_of(path: str, algorithm: str = "sha1") -> Optional[str]:
    """Checksum of a file in hex; None for what is no readable file."""
    digest = hashlib.new(algorithm)
    try:
        with open(path, "rb") as file:
            for piece in iter(lambda: file.read(_PIECE_BYTES), b""):
                digest.update(piece)
    except OSError:
        return None
    return digest.hexdigest()


def md5_of(path: str) -> Optional[str]:
    """MD5 of a file, or None also where the host (FIPS) forbids MD5."""
    try:
        return digest_of(path, "md5")
    except ValueError:
        return None


def real_target(path: str, args: Dict[str, Any]) -> str:
    """Where a link leads, for modules whose ``follow`` is on."""
    return os.path.realpath(path) if args.get("follow") and os.path.islink(path) else path

"""Gives restored files their owner, extended attributes, mode and times, in this order.

Changing the owner clears setuid and capabilities, so it comes first; attributes need write
permission, so they come before the mode; the times come last.  Nothing here follows a symlink.
Functions return what could not be set: the content is restored all the same.
"""

import contextlib
import errno
import os
from collections.abc import Iterator
from dataclasses import dataclass

from lpse_ops.backup.node import Node

# Setuid and setgid mean nothing good for any other owner than the stored one.
_WITHOUT_SET_ID = 0o1777
# Where Go's mode has setuid, setgid and sticky; few files have one.
_GO_SPECIAL = 1 << 23 | 1 << 22 | 1 << 20
_ACLS = (b"system.posix_acl_access", b"system.posix_acl_default")
_ROOT_ONLY = (b"security.", b"trusted.")


@dataclass(frozen=True)
class Rights:
    """``owners``: whether owners are restored at all; without root most cannot be."""

    is_root: bool
    owners: bool = True


def read_rights(*, owners: bool) -> Rights:
    return Rights(os.geteuid() == 0, owners)


def apply_to_descriptor(
    descriptor: int, node: Node, rights: Rights, *, drops_acls: bool
) -> list[str]:
    """For files and folders.  ``drops_acls``: an ACL may be there that the folder above gave."""
    problems: list[str] = []
    permissions = _set_owner(descriptor, node, rights, problems)
    if drops_acls:
        _drop_acls(descriptor, node)
    if node.xattrs:
        _set_xattrs(descriptor, node, rights, problems)
    # Spelled out: a restore does this for each of its files.
    try:
        os.fchmod(descriptor, permissions)
    except OSError as error:
        _note(problems, "mode", error)
    try:
        os.utime(descriptor, ns=_times(node))
    except (OSError, ValueError, OverflowError) as error:
        _note(problems, "times", error)
    return problems


def apply_to_name(folder: int, name: bytes, node: Node, rights: Rights) -> list[str]:
    """For symlinks, fifos and devices: ``name`` in an open folder."""
    problems: list[str] = []
    descriptor = os.open(name, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder)
    try:
        # /proc leads to the very inode, whatever takes its name meanwhile, and no further.
        target = b"/proc/self/fd/%d" % descriptor
        permissions = _set_owner(target, node, rights, problems)
        _set_xattrs(target, node, rights, problems)
        if node.type != "symlink":
            with _noting(problems, "mode"):
                os.chmod(target, permissions)
        with _noting(problems, "times"):
            os.utime(target, ns=_times(node))
    finally:
        os.close(descriptor)
    return problems


def _set_owner(target: int | bytes, node: Node, rights: Rights, problems: list[str]) -> int:
    """Set the owner; return the permissions that are safe with the owner there is now."""
    if not rights.owners:
        return node.permissions & _WITHOUT_SET_ID
    try:
        os.chown(target, node.uid, node.gid)
    except (OSError, OverflowError) as error:
        # Nobody but root may give files away: restic passes over it in silence as well.
        if rights.is_root or not isinstance(error, PermissionError):
            problems.append(f"cannot set its owner: {error}")
        return node.permissions & _WITHOUT_SET_ID
    mode = node.mode
    return mode & 0o777 if mode & _GO_SPECIAL == 0 else node.permissions


def _drop_acls(descriptor: int, node: Node) -> None:
    wanted = {name for name, _ in node.xattrs}
    for name in _ACLS:
        if name not in wanted:
            with contextlib.suppress(OSError):  # there is none, as a rule
                os.removexattr(descriptor, name)


def _set_xattrs(target: int | bytes, node: Node, rights: Rights, problems: list[str]) -> None:
    for name, value in node.xattrs:
        if name.startswith(_ROOT_ONLY) and not rights.is_root:
            continue
        with _noting(problems, f"extended attribute {name.decode('utf-8', 'replace')}"):
            os.setxattr(target, name, value)


def _times(node: Node) -> tuple[int, int]:
    mtime = node.mtime_ns
    return (mtime if node.atime == node.mtime else node.atime_ns), mtime


@contextlib.contextmanager
def _noting(problems: list[str], what: str) -> Iterator[None]:
    try:
        yield
    except (OSError, ValueError, OverflowError) as error:
        _note(problems, what, error)


def _note(problems: list[str], what: str, error: Exception) -> None:
    if not isinstance(error, OSError):
        problems.append(f"cannot set its {what}: {error}")
    # A file system without attributes: restic passes over them without a word as well.
    elif error.errno != errno.ENOTSUP:
        problems.append(f"cannot set its {what}: {error.strerror}")

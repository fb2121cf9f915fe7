"""A file that an account owns, in a folder of that account, read and written by root.

Runs on the managed host: standard library and ``lpse_ops.agent`` only, Python 3.6.  The account can
put links in its folder at any time: the folder is held by a descriptor, and a link is followed only
where it leads to what the account owns, or where root made it.
"""

import contextlib
import os
import stat
from typing import Iterator, NamedTuple

from lpse_ops.agent.context import Failed
from lpse_ops.agent.replacing import write_atomically

_MODE = "0600"
_FOLDER_MODE = 0o700
_READ = os.O_RDONLY | os.O_NONBLOCK


class Owner(NamedTuple):
    uid: int
    gid: int


def read_account_file(path: str, owner: Owner) -> str:
    """Content of the file; empty if there is none."""
    try:
        handle = _open(path, _READ, owner)
    except FileNotFoundError:
        return ""
    except OSError as error:
        raise Failed(f"cannot read {path}: {error.strerror}") from error
    with open(handle, "rb") as file:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise Failed(f"{path} is no file")
        return file.read().decode("utf-8", "surrogateescape")


def follow_link(path: str, owner: Owner) -> str:
    """Where a link leads; ``Failed`` if that is where the account could not go by itself."""
    target = os.path.realpath(path)
    if os.path.islink(path) and not _is_ours(path):
        # Of a file that is still to come the folder counts.
        there = target if os.path.exists(target) else os.path.dirname(target)
        if os.path.exists(there) and os.stat(there).st_uid != owner.uid:
            raise _foreign(path)
    return target


def write_account_file(path: str, content: str, owner: Owner, *, manage_folder: bool) -> None:
    """Replace the file by one that only the account can read.

    ``manage_folder`` makes the folder, and has it be the account's alone.
    """
    folder, name = os.path.split(path)
    with _errors(path), _open_folder(folder, owner, manage=manage_folder) as held:
        try:
            write_atomically(
                f"/proc/self/fd/{held}/{name}",
                content.encode("utf-8", "surrogateescape"),
                mode=_MODE,
                check=lambda made: _give(made, owner),
            )
        except Failed as failed:
            message = failed.result["msg"].replace(f"/proc/self/fd/{held}", folder)
            raise Failed(message) from failed


@contextlib.contextmanager
def _open_folder(path: str, owner: Owner, *, manage: bool) -> Iterator[int]:
    if not os.path.exists(path):
        if manage:
            os.mkdir(path, _FOLDER_MODE)
        else:
            os.makedirs(path)
    handle = _open(path, os.O_RDONLY | os.O_DIRECTORY, owner)
    try:
        if manage:
            _chown(handle, owner)
            os.fchmod(handle, _FOLDER_MODE)
        yield handle
    finally:
        os.close(handle)


def _open(path: str, flags: int, owner: Owner) -> int:
    """Open what is no link, or leads where the account could go by itself."""
    try:
        return os.open(path, flags | os.O_NOFOLLOW)
    except OSError:
        if not os.path.islink(path):
            raise
    handle = os.open(path, flags)
    if _is_ours(path) or os.fstat(handle).st_uid == owner.uid:
        return handle
    os.close(handle)
    raise _foreign(path)


def _is_ours(link: str) -> bool:
    """Whether root made a link, or we are not root and can do no more than the account."""
    return os.geteuid() != 0 or os.lstat(link).st_uid == 0


def _foreign(path: str) -> Failed:
    return Failed(f"{path} is a link to what does not belong to the account: it is not followed")


def _give(path: str, owner: Owner) -> None:
    """Give a new file to the account; it has no other name, which could be that of another's."""
    handle = os.open(path, _READ | os.O_NOFOLLOW)
    try:
        if os.fstat(handle).st_nlink != 1:
            raise Failed(f"{path} was replaced by somebody else while it was written")
        _chown(handle, owner)
    finally:
        os.close(handle)


def _chown(handle: int, owner: Owner) -> None:
    status = os.fstat(handle)
    if (status.st_uid, status.st_gid) != owner:
        os.fchown(handle, *owner)


@contextlib.contextmanager
def _errors(path: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise Failed(f"cannot write {path}: {error.strerror}") from error

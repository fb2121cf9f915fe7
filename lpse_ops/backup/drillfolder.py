"""The folder that a drill restores into: private, with room, and gone at the end.

Beside each folder ``lpse-ops-drill-XXXXXXXX`` stands a file ``.lock`` of the same name, locked as
long as the drill lives.  One that is not locked tells of a drill that was killed; what it left is
removed by the next drill in the same place.
"""

import contextlib
import fcntl
import os
import re
import secrets
import shutil
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from lpse_ops.errors import OpsError, UsageError

_NAME = re.compile(r"(lpse-ops-drill-[0-9a-f]{8})\.lock")
_TRIES = 3
_FLAGS = os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC


@dataclass(frozen=True)
class Room:
    """What is needed, or what is free."""

    size_bytes: int
    inodes: int


@dataclass(frozen=True)
class Protected:
    """A folder that a drill must not work in, and what it is."""

    folder: Path
    what: str


def read_free(folder: Path) -> Room:
    """What is free for everybody; file systems without a number of inodes have no limit."""
    status = os.statvfs(folder)
    inodes = status.f_favail if status.f_files else 1 << 62
    return Room(status.f_bavail * status.f_frsize, inodes)


def refuse_without_room(folder: Path, needed: Room, free: Room, *, formatted: str) -> None:
    """``formatted`` says both sizes for people."""
    if needed.size_bytes > free.size_bytes:
        raise OpsError(
            f"there is not enough room in {folder} for the drill: {formatted}",
            hint="name a folder on a larger disk: --folder DIR",
        )
    if needed.inodes > free.inodes:
        raise OpsError(
            f"the file system of {folder} has room for {free.inodes} more files, "
            f"the drill makes {needed.inodes}",
            hint="name a folder on another disk: --folder DIR",
        )


def refuse_protected(folder: Path, protected: Iterable[Protected]) -> None:
    """Refuse a folder that is, or lies in, one that a drill has no business in."""
    real = folder.resolve()
    for each in protected:
        if real.is_relative_to(each.folder.resolve()):
            raise UsageError(
                f"{folder} lies in {each.folder}, {each.what}",
                hint="name a folder elsewhere: --folder /var/tmp",
            )


def find_data_folders(folder: Path) -> list[Protected]:
    """Data folders of PostgreSQL and repositories that a folder lies in."""
    found = []
    for above in (folder.resolve(), *folder.resolve().parents):
        if (above / "PG_VERSION").exists():
            found.append(Protected(above, "the data folder of a PostgreSQL server"))
        if (above / "config").is_file() and (above / "keys").is_dir():
            found.append(Protected(above, "a backup repository"))
    return found


@contextlib.contextmanager
def open_scratch(folder: Path, *, keep: bool = False) -> Iterator[Path]:
    """Make a folder of our own in ``folder``; it is removed at the end.

    With ``keep`` it stays if the block ends well, and no later drill removes it.
    """
    try:
        remove_leftovers(folder)
        lock, scratch = _make(folder)
    except OSError as error:
        raise OpsError(
            f"cannot make a folder for the drill in {folder}: {error.strerror}",
            hint="name a folder that you may write to: --folder DIR",
        ) from error
    with contextlib.ExitStack() as undo:
        undo.callback(os.close, lock)
        undo.callback(_marker(scratch).unlink, missing_ok=True)
        with contextlib.ExitStack() as removal:
            removal.callback(remove_tree, scratch)
            yield scratch
            if keep:
                removal.pop_all()


def _marker(scratch: Path) -> Path:
    return scratch.with_name(f"{scratch.name}.lock")


def _make(folder: Path) -> tuple[int, Path]:
    while True:
        scratch = folder.absolute() / f"lpse-ops-drill-{secrets.token_hex(4)}"
        lock = os.open(_marker(scratch), _FLAGS | os.O_CREAT | os.O_EXCL, 0o600)
        fcntl.flock(lock, fcntl.LOCK_EX)
        # Another drill may have taken the new file for a leftover before we had it locked.
        if os.fstat(lock).st_nlink:
            scratch.mkdir(0o700)
            return lock, scratch
        os.close(lock)


def remove_leftovers(folder: Path) -> list[Path]:
    """Remove what drills that were killed left in a folder; return what was removed."""
    removed = []
    for name in sorted(os.listdir(folder)):
        match = _NAME.fullmatch(name)
        if match and _remove_leftover(folder / name, folder / match[1]):
            removed.append(folder / match[1])
    return removed


def _remove_leftover(marker: Path, scratch: Path) -> bool:
    try:
        lock = os.open(marker, _FLAGS)
    except OSError:
        return False  # a link, another user's, or gone by now
    try:
        if os.fstat(lock).st_uid != os.geteuid() or not _is_own_folder(scratch):
            return False
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        remove_tree(scratch)
        marker.unlink(missing_ok=True)
    except OSError:
        return False
    finally:
        os.close(lock)
    return True


def _is_own_folder(scratch: Path) -> bool:
    """Whether it is a folder that we made, or not there at all any more."""
    try:
        status = scratch.lstat()
    except FileNotFoundError:
        return True
    return stat.S_ISDIR(status.st_mode) and status.st_uid == os.geteuid()


def remove_tree(folder: Path) -> None:
    """Remove a folder that may hold folders without the right to write, and a server that ends.

    No link is followed, whoever puts one there meanwhile.
    """
    for _ in range(_TRIES):
        shutil.rmtree(folder, ignore_errors=True)
        if not os.path.lexists(folder):
            return
        _make_writable(folder)
    raise OpsError(f"cannot remove {folder}", hint=f"remove it by hand: rm -rf {folder}")


def _make_writable(folder: Path) -> None:
    # Root needs no such right, and what it changes might be a link by then, to anywhere.
    if os.geteuid() == 0 or folder.is_symlink():
        return
    for path, names, _ in os.walk(folder):
        for name in names:
            below = os.path.join(path, name)
            # A link may lead anywhere.
            if not os.path.islink(below):
                with contextlib.suppress(OSError):
                    os.chmod(below, 0o700)

"""The folder that a restore writes to, seen only through descriptors of open folders.

Neither the repository nor what lies in the target is trusted: no symlink below the target is
ever followed, and nothing is written through a name that was there before.  New content gets a
name of its own first and is then renamed, so that no real name ever stands for half a file.
"""

import contextlib
import errno
import os
import stat
from collections.abc import Callable, Iterator

from lpse_ops.backup.node import Node
from lpse_ops.backup.restoreleftovers import remove_leftovers
from lpse_ops.errors import RestoreFailed

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_UNNAMED_FILE = os.O_RDWR | os.O_TMPFILE | os.O_CLOEXEC
_NEW_FILE = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
# A fifo in the place of a file must not block, a tty must not become ours.
_OLD_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
_PRIVATE_FOLDER = 0o700
_PRIVATE_FILE = 0o600
_DEFAULT_ACL = "system.posix_acl_default"


class OpenFolder:
    """A folder of the target; ``gives_acls``: what is made in it may get an ACL from it."""

    __slots__ = ("descriptor", "gives_acls", "is_new")

    def __init__(self, descriptor: int, *, is_new: bool, gives_acls: bool) -> None:
        self.descriptor = descriptor
        self.is_new = is_new
        self.gives_acls = gives_acls

    def close(self) -> None:
        os.close(self.descriptor)


def open_target(path: bytes, *, make: bool = True) -> OpenFolder:
    """The folder that the user named; only here links are followed."""
    try:
        if make:
            os.makedirs(path, _PRIVATE_FOLDER, exist_ok=True)
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise RestoreFailed(
            f"cannot restore into {os.fsdecode(path)}: {error.strerror}",
            hint="give a folder on a disk with room, that you may write to: --target DIR",
        ) from error
    if make:
        remove_leftovers(descriptor)
    return OpenFolder(descriptor, is_new=False, gives_acls=_has_default_acl(descriptor))


def enter_folder(parent: OpenFolder, name: bytes) -> OpenFolder:
    """Open a folder in another, made if need be; a file or link of its name is removed."""
    is_new = _make_folder(parent, name)
    try:
        descriptor = os.open(name, _FOLDER, dir_fd=parent.descriptor)
    except OSError as error:
        if is_new or error.errno not in (errno.ENOTDIR, errno.ELOOP):
            raise
        os.unlink(name, dir_fd=parent.descriptor)
        os.mkdir(name, _PRIVATE_FOLDER, dir_fd=parent.descriptor)
        is_new = True
        descriptor = os.open(name, _FOLDER, dir_fd=parent.descriptor)
    gives = parent.gives_acls if is_new else _has_default_acl(descriptor)
    if not is_new:
        remove_leftovers(descriptor)
    return OpenFolder(descriptor, is_new=is_new, gives_acls=gives)


def find_folder(parent: OpenFolder, name: bytes) -> OpenFolder:
    """Open a folder that must be there."""
    descriptor = os.open(name, _FOLDER, dir_fd=parent.descriptor)
    return OpenFolder(descriptor, is_new=False, gives_acls=False)


def _make_folder(parent: OpenFolder, name: bytes) -> bool:
    try:
        os.mkdir(name, _PRIVATE_FOLDER, dir_fd=parent.descriptor)
    except FileExistsError:
        return False
    return True


def _has_default_acl(descriptor: int) -> bool:
    try:
        return _DEFAULT_ACL in os.listxattr(descriptor)
    except OSError:
        return False


def create_file(folder: OpenFolder, temporary: bytes, *, unnamed: bool) -> tuple[int, bool]:
    """A descriptor of a new, empty file that only we may open; and whether it has the name.

    ``unnamed`` files get none where the file system can do that: nothing is left of them if we
    are killed.
    """
    if unnamed:
        with contextlib.suppress(OSError):
            descriptor = os.open(b".", _UNNAMED_FILE, _PRIVATE_FILE, dir_fd=folder.descriptor)
            return descriptor, False
    return os.open(temporary, _NEW_FILE, _PRIVATE_FILE, dir_fd=folder.descriptor), True


def has_unnamed_files(folder: OpenFolder) -> bool:
    """Whether files without a name can be made here, and be given one later (that needs /proc)."""
    try:
        descriptor = os.open(b".", _UNNAMED_FILE, _PRIVATE_FILE, dir_fd=folder.descriptor)
        try:
            return os.path.samestat(os.stat(b"/proc/self/fd/%d" % descriptor), os.fstat(descriptor))
        finally:
            os.close(descriptor)
    except OSError:
        return False


def name_file(
    folder: OpenFolder, descriptor: int, temporary: bytes, name: bytes, *, is_named: bool
) -> None:
    """Give a finished file its real name, in place of whatever has it."""
    if not is_named:
        existing = b"/proc/self/fd/%d" % descriptor
        try:
            os.link(existing, name, dst_dir_fd=folder.descriptor)
            return
        except FileExistsError:
            os.link(existing, temporary, dst_dir_fd=folder.descriptor)
    try:
        put_in_place(folder, temporary, name)
    except BaseException:
        discard(folder, temporary)
        raise


def open_existing(folder: OpenFolder, name: bytes) -> tuple[int, os.stat_result] | None:
    """A regular file that is there already, or None; one with other names is not to be used."""
    try:
        descriptor = open_regular(folder, name)
    except OSError:
        return None
    status = os.fstat(descriptor)
    # Another name of this inode may lie anywhere: its owner and mode are not ours to change.
    if status.st_nlink == 1:
        return descriptor, status
    os.close(descriptor)
    return None


def open_regular(folder: OpenFolder, name: bytes) -> int:
    """A descriptor of a regular file that must be there."""
    descriptor = os.open(name, _OLD_FILE, dir_fd=folder.descriptor)
    if stat.S_ISREG(os.fstat(descriptor).st_mode):
        return descriptor
    os.close(descriptor)
    raise OSError(errno.EINVAL, "it is not a regular file")


def make_special(folder: OpenFolder, name: bytes, node: Node) -> None:
    """A symlink, fifo or device under a temporary name."""
    descriptor = folder.descriptor
    if node.type == "symlink":
        os.symlink(node.link_target, name, dir_fd=descriptor)
    elif node.type == "fifo":
        os.mkfifo(name, _PRIVATE_FILE, dir_fd=descriptor)
    else:
        kind = stat.S_IFCHR if node.type == "chardev" else stat.S_IFBLK
        os.mknod(name, kind | _PRIVATE_FILE, node.device, dir_fd=descriptor)


def put_in_place(folder: OpenFolder, temporary: bytes, name: bytes) -> None:
    """Give finished content its real name.  Only an empty folder makes way for it."""
    descriptor = folder.descriptor
    try:
        os.rename(temporary, name, src_dir_fd=descriptor, dst_dir_fd=descriptor)
    except IsADirectoryError:
        os.rmdir(name, dir_fd=descriptor)
        os.rename(temporary, name, src_dir_fd=descriptor, dst_dir_fd=descriptor)


def discard(folder: OpenFolder, temporary: bytes) -> None:
    with contextlib.suppress(OSError):
        os.unlink(temporary, dir_fd=folder.descriptor)


@contextlib.contextmanager
def temporary_entry(
    folder: OpenFolder, temporary: bytes, make: Callable[[], None]
) -> Iterator[None]:
    """Make something under a temporary name; it is gone if what follows fails."""
    make()
    try:
        yield
    except BaseException:
        discard(folder, temporary)
        raise


def link_name(
    source: OpenFolder, existing: bytes, folder: OpenFolder, temporary: bytes, name: bytes
) -> None:
    """Give a restored file one more name."""
    os.link(
        existing,
        temporary,
        src_dir_fd=source.descriptor,
        dst_dir_fd=folder.descriptor,
        follow_symlinks=False,
    )
    try:
        put_in_place(folder, temporary, name)
    finally:
        # Renaming over a name of the same inode does nothing and leaves both.
        discard(folder, temporary)


def open_folder_at(root: OpenFolder, parts: list[bytes]) -> OpenFolder:
    """A folder of the target again, part by part; the caller closes it."""
    current = OpenFolder(os.dup(root.descriptor), is_new=False, gives_acls=False)
    for part in parts:
        try:
            below = find_folder(current, part)
        finally:
            current.close()
        current = below
    return current

"""Hard links: the first name of an inode is restored as a file, the others become links to it."""

import threading
from collections.abc import Callable

from lpse_ops.backup.node import Node
from lpse_ops.backup.restorefolders import Folder, parts_of
from lpse_ops.backup.restoreleftovers import TemporaryNames
from lpse_ops.backup.restorereport import Ledger
from lpse_ops.backup.restoretarget import (
    OpenFolder,
    link_name,
    open_folder_at,
)

Link = tuple[Folder, bytes, bytes]
InodeKey = tuple[int, int, tuple[bytes, ...]]


class _Inode:
    """``is_there`` is None while its first file is being restored."""

    __slots__ = ("first", "is_there", "waiting")

    def __init__(self, first: bytes) -> None:
        self.first = first
        self.is_there: bool | None = None
        self.waiting: list[Link] = []


class HardLinks:
    """``release`` is told when a folder no longer waits for a link in it."""

    def __init__(
        self,
        root: OpenFolder,
        names: TemporaryNames,
        ledger: Ledger,
        release: Callable[[Folder], None],
    ) -> None:
        self._root = root
        self._names = names
        self._ledger = ledger
        self._release = release
        self._lock = threading.Lock()
        self._inodes: dict[InodeKey, _Inode] = {}

    def takes(self, folder: Folder, path: bytes, node: Node) -> bool:
        """Whether the file becomes a link; then ``folder``, which is held, is released later."""
        key = inode_key(node)
        if key is None:
            return False
        with self._lock:
            inode = self._inodes.get(key)
            if inode is None or inode.is_there is False:
                # A first that failed leaves the next name to be restored by its own content.
                self._inodes[key] = _Inode(path)
                return False
            if inode.is_there is None:
                inode.waiting.append((folder, path, node.name))
                return True
        self._link(inode, (folder, path, node.name))
        return True

    def settle(self, node: Node, *, is_there: bool) -> None:
        """The first file of an inode is restored, or cannot be."""
        inode = self._inodes.get(inode_key(node) or (0, 0, ()))
        if inode is None:
            return
        with self._lock:
            inode.is_there = is_there
            waiting, inode.waiting = inode.waiting, []
        for link in waiting:
            self._link(inode, link)

    def _link(self, inode: _Inode, link: Link) -> None:
        folder, path, name = link
        try:
            if not inode.is_there or folder.opened is None:
                self._ledger.fail(path, "the file it is a hard link to could not be restored")
                return
            self._make(inode.first, folder.opened, name)
            self._ledger.add(links_restored=1)
        except OSError as error:
            self._ledger.fail(path, f"cannot make the hard link: {error.strerror}")
        finally:
            self._release(folder)

    def _make(self, first: bytes, folder: OpenFolder, name: bytes) -> None:
        source = open_folder_at(self._root, parts_of(first))
        try:
            link_name(source, first.rpartition(b"/")[2], folder, self._names.new(), name)
        finally:
            source.close()


def inode_key(node: Node) -> InodeKey | None:
    """What tells that two files are one; an inode 0 stands for none.

    The content is part of it: while a backup ran, the inode of a file that was removed may have
    become another file.
    """
    if node.type != "file" or node.links < 2 or not node.inode:
        return None
    return node.inode, node.device_id, node.content

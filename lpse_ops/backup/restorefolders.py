"""The folders of the snapshot that are being restored, from first need to last entry.

A folder is made when something in it is restored, and gets its metadata when nothing in it is
left to do: its own time would move otherwise.  The walk makes folders; any thread releases them.
"""

import os
import threading
from collections.abc import Callable

from lpse_ops.backup.metadata import Rights, apply_to_descriptor
from lpse_ops.backup.node import Node
from lpse_ops.backup.restorereport import Ledger
from lpse_ops.backup.restoretarget import OpenFolder, enter_folder, find_folder


class Folder:
    """``is_broken``: it cannot be made, which was reported; nothing in it can be restored."""

    __slots__ = ("is_broken", "node", "opened", "parent", "path", "pending")

    def __init__(self, parent: "Folder | None", path: bytes, node: Node | None) -> None:
        self.parent = parent
        self.path = path
        self.node = node
        self.opened: OpenFolder | None = None
        self.pending = 1
        self.is_broken = False


class Folders:
    """``root`` is the target itself, whose own metadata stays as it is."""

    def __init__(self, target: OpenFolder | None, rights: Rights, ledger: Ledger) -> None:
        self._rights = rights
        self._ledger = ledger
        self._lock = threading.Lock()
        self._open_folders: set[Folder] = set()
        self.root = Folder(None, b"/", None)
        if target is not None:
            self.root.opened = target
            self._open_folders.add(self.root)

    def close(self) -> None:
        """Close what an interrupted restore leaves open."""
        for folder in list(self._open_folders):
            if folder.opened is not None:
                folder.opened.close()
                folder.opened = None

    def new(self, parent: Folder, path: bytes, node: Node) -> Folder:
        """A folder that the walk enters; ``release`` it when the walk leaves."""
        return Folder(parent, path, node)

    def make(self, folder: Folder) -> OpenFolder | None:
        """Make it and all above it, unless that was done; None if that cannot be."""
        return self._open(folder, enter_folder)

    def look_up(self, folder: Folder) -> OpenFolder | None:
        """For a dry run: open it if it is there."""
        return self._open(folder, _find_or_none)

    def _open(
        self, folder: Folder, enter: Callable[[OpenFolder, bytes], OpenFolder | None]
    ) -> OpenFolder | None:
        missing: list[Folder] = []
        current: Folder | None = folder
        while current is not None and current.opened is None:
            if current.is_broken:
                return None
            missing.append(current)
            current = current.parent
        for each in reversed(missing):
            if not self._open_one(each, enter):
                return None
        return folder.opened

    def _open_one(
        self, folder: Folder, enter: Callable[[OpenFolder, bytes], OpenFolder | None]
    ) -> bool:
        parent, node = folder.parent, folder.node
        if parent is None or node is None or parent.opened is None:
            folder.is_broken = True  # a dry run into a target that does not exist
            return False
        try:
            folder.opened = enter(parent.opened, node.name)
        except OSError as error:
            self._ledger.fail(folder.path, f"cannot make the folder: {error.strerror}")
        folder.is_broken = folder.opened is None
        if folder.opened is None:
            return False
        self._open_folders.add(folder)
        self.hold(parent)
        return True

    def hold(self, folder: Folder) -> None:
        """Something in it is not finished yet."""
        with self._lock:
            folder.pending += 1

    def release(self, folder: Folder, count: int = 1) -> None:
        """Something in it is finished; with the last, so is the folder, and maybe its parent."""
        current: Folder | None = folder
        while current is not None:
            with self._lock:
                current.pending -= count
                if current.pending:
                    return
            count = 1
            opened, current.opened = current.opened, None
            if opened is None:
                return
            self._open_folders.discard(current)
            self._finish(current, opened)
            current = current.parent

    def _finish(self, folder: Folder, opened: OpenFolder) -> None:
        try:
            if folder.node is not None:
                self._apply(folder.path, folder.node, opened)
        finally:
            opened.close()

    def _apply(self, path: bytes, node: Node, opened: OpenFolder) -> None:
        may_have_acls = opened.gives_acls or not opened.is_new
        problems = apply_to_descriptor(
            opened.descriptor, node, self._rights, drops_acls=may_have_acls
        )
        for problem in problems:
            self._ledger.fail(path, problem)
        self._ledger.add(dirs=1)


def _find_or_none(parent: OpenFolder, name: bytes) -> OpenFolder | None:
    try:
        return find_folder(parent, name)
    except OSError:
        return None


def parts_of(path: bytes) -> list[bytes]:
    return [part for part in os.path.dirname(path).split(b"/") if part]

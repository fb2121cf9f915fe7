"""Directories under construction: collects nodes as their contents get ids, then makes blobs.

A directory is saved when it was listed to its end and all its files are stored; it then becomes a
node of its parent.  Only directories that are open or wait for a file are in memory.
"""

import os
from collections import deque
from collections.abc import Callable, Sequence
from functools import lru_cache

from lpse_ops.backup.gojson import quote_name
from lpse_ops.backup.gotime import format_ns
from lpse_ops.backup.localsource import owner_text as own_owner_text
from lpse_ops.backup.node import encode_content, encode_head, go_mode, node_type
from lpse_ops.backup.source import Identity, OwnerText
from lpse_ops.backup.tree import encode_tree

_ALL_MODES = 0o7777


class Folder:
    """``head`` is the node's text up to its content; names map to nodes, None while they wait.

    ``known_id`` is the tree id in the parent snapshot, if it was there; ``is_known`` says that the
    entries are the very nodes of that tree.  ``identity`` is that of the folder that was listed, if
    anybody asked.
    """

    __slots__ = (
        "entries",
        "head",
        "identity",
        "is_known",
        "is_listed",
        "known_id",
        "name",
        "parent",
        "tree_id",
        "waiting",
    )

    def __init__(
        self, parent: "Folder | None", name: bytes, head: str, known_id: bytes | None
    ) -> None:
        self.known_id = known_id
        self.parent = parent
        self.name = name
        self.head = head
        self.identity: Identity | None = None
        self.entries: dict[bytes, str | None] = {}
        self.waiting = 0
        self.is_listed = False
        self.is_known = False
        self.tree_id = b""

    def expect(self, names: Sequence[bytes]) -> None:
        """Wait for the nodes of some names; ``TreeBuilder.child_done`` ends that for each."""
        self.entries.update(dict.fromkeys(names))
        self.waiting += len(names)

    def stop_expecting(self, name: bytes) -> None:
        """Somebody else will say what becomes of the name, and waits for it first."""
        del self.entries[name]
        self.waiting -= 1


class PendingFile:
    """A file whose blobs are being stored; its node is made once all have ids."""

    __slots__ = ("_builder", "_folder", "_missing", "_render", "_stale", "ids", "name")

    def __init__(self, builder: "TreeBuilder", folder: Folder, name: bytes) -> None:
        self._builder = builder
        self._folder = folder
        self.name = name
        self._missing = 0
        self._stale = 0
        self._render: Callable[[Sequence[bytes]], str] | None = None
        self.ids: list[bytes] = []
        folder.expect((name,))

    def expect_blob(self) -> int:
        """One more blob is on its way; returns its place."""
        self._missing += 1
        self.ids.append(b"")
        return self._stale + len(self.ids) - 1

    def put(self, place: int, blob_id: bytes) -> None:
        if place < self._stale:
            return
        self.ids[place - self._stale] = blob_id
        self._missing -= 1
        self._finish_if_complete()

    def restart(self) -> None:
        """Forget what was read so far: the file is read again from its start."""
        # Blobs on their way still arrive; they must not be taken for the new ones.
        self._stale += len(self.ids)
        self.ids = []
        self._missing = 0

    def finish(self, render: Callable[[Sequence[bytes]], str]) -> None:
        """All was read; ``render`` makes the node from the ids."""
        self._render = render
        self._finish_if_complete()

    def abandon(self) -> None:
        """Leave the file out: it could not be read to its end."""
        del self._folder.entries[self.name]
        self._builder.child_done(self._folder)

    def _finish_if_complete(self) -> None:
        if self._render is not None and not self._missing:
            self._folder.entries[self.name] = self._render(self.ids)
            self._builder.child_done(self._folder)


class TreeBuilder:
    """``save_tree`` stores a blob and returns its id."""

    def __init__(self, save_tree: Callable[[bytes], bytes]) -> None:
        self._save_tree = save_tree
        self._ready: deque[Folder] = deque()
        # In the order in which they were opened.
        self._unsaved: dict[Folder, None] = {}
        self.dirs_new = 0
        self.dirs_changed = 0
        self.dirs_unmodified = 0

    def open_folder(
        self, parent: Folder | None, name: bytes, head: str, known_id: bytes | None = None
    ) -> Folder:
        folder = Folder(parent, name, head, known_id)
        self._unsaved[folder] = None
        if parent is not None:
            parent.expect((name,))
        return folder

    def close_folder(self, folder: Folder) -> None:
        """No more entries will come."""
        folder.is_listed = True
        if not folder.waiting:
            self._ready.append(folder)

    def save_unfinished(self) -> None:
        """Store every directory as it is now; what they wait for will not come."""
        self.save_ready()
        # Those below were opened after those above.
        for folder in reversed(list(self._unsaved)):
            if not folder.tree_id:
                folder.is_listed, folder.is_known, folder.waiting = True, False, 0
                self._ready.append(folder)
                self.save_ready()

    def child_done(self, folder: Folder, count: int = 1) -> None:
        """So many of the names that a folder waited for have their nodes, or none will come."""
        folder.waiting -= count
        if folder.is_listed and not folder.waiting:
            self._ready.append(folder)

    def save_ready(self) -> None:
        """Store the directories that are complete, and so maybe their parents."""
        while self._ready:
            folder = self._ready.popleft()
            if folder.is_known and folder.known_id is not None:
                folder.tree_id = folder.known_id
            else:
                folder.tree_id = self._save_tree(encode_tree(_sorted_nodes(folder.entries)))
            folder.entries = {}
            del self._unsaved[folder]
            self._count(folder)
            if folder.parent is not None:
                text = f'{folder.head},"content":null,"subtree":"{folder.tree_id.hex()}"}}'
                folder.parent.entries[folder.name] = text
                self.child_done(folder.parent)

    def _count(self, folder: Folder) -> None:
        if folder.known_id is None:
            self.dirs_new += 1
        elif folder.known_id == folder.tree_id:
            self.dirs_unmodified += 1
        else:
            self.dirs_changed += 1


def _sorted_nodes(entries: dict[bytes, str | None]) -> list[str]:
    return [text for _, text in sorted(entries.items()) if text is not None]


def render_head(
    quoted_name: str, status: os.stat_result, size: int, links: int, owner_text: OwnerText
) -> str:
    """A node's first fields from ``lstat``; the access time is stored as the time of change."""
    mtime = format_ns(status.st_mtime_ns)
    return encode_head(
        quoted_name,
        node_type(status.st_mode),
        go_mode(status.st_mode),
        (mtime, mtime, format_ns(status.st_ctime_ns)),
        owner_text(status.st_uid, status.st_gid),
        (status.st_ino, status.st_dev, size, links),
    )


def render_regular(quoted_name: str, status: os.stat_result, owner_text: OwnerText) -> str:
    """``render_head`` of a regular file as it is, in about half the time."""
    mode, inode, device, links, uid, gid, size = status[:7]
    mtime_ns, ctime_ns = status.st_mtime_ns, status.st_ctime_ns
    mtime = format_ns(mtime_ns)
    ctime = mtime if ctime_ns == mtime_ns else format_ns(ctime_ns)
    if not (inode and device and links and size and mode & _ALL_MODES):
        return render_head(quoted_name, status, size, links, owner_text)
    return (
        f'{{"name":"{quoted_name}","type":"file","mode":{_file_mode(mode)},"mtime":"{mtime}",'
        f'"atime":"{mtime}","ctime":"{ctime}"{owner_text(uid, gid)},"inode":{inode},'
        f'"device_id":{device},"size":{size},"links":{links}'
    )


_file_mode = lru_cache(maxsize=64)(go_mode)


def render_synthetic(name: bytes, kind: str, mode: int, time_ns: int, size: int = 0) -> str:
    """First fields of a node that is no file of this machine: a dump, the manifest."""
    moment = format_ns(time_ns)
    numbers = (0, 0, size, 0)
    owner = own_owner_text(0, 0)
    return encode_head(quote_name(name), kind, mode, (moment, moment, moment), owner, numbers)


def render_file(head: str, xattrs: str, ids: Sequence[bytes]) -> str:
    return f"{head}{xattrs}{encode_content(ids)}}}"

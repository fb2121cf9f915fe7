"""Rewrites the folders of a snapshot: entries left out or changed, everything else byte for byte.

A folder in which nothing changes keeps its id and is never encoded again.  Never recursive, and
bounded in depth: a repository may be hostile.
"""

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

from lpse_ops.backup.gojson import MALFORMED
from lpse_ops.backup.node import Node
from lpse_ops.backup.pack import BlobType
from lpse_ops.backup.rawjson import TREE_FIELDS, Raw, encode_raw, parse_raw, with_field
from lpse_ops.backup.solosaver import SoloSaver
from lpse_ops.backup.tree import EMPTY_TREE, encode_nodes
from lpse_ops.backup.treewalk import MAX_DEPTH
from lpse_ops.backup.unpacked import stored_id
from lpse_ops.errors import DamagedRepository, RepositoryError

# Stores a tree blob and returns its id.
SaveTree = Callable[[bytes], bytes]


def tree_saver(saver: SoloSaver, *, dry_run: bool) -> SaveTree:
    """Stores trees, or in a dry run only names them."""
    if dry_run:
        return lambda blob: bytes.fromhex(stored_id(blob))
    return lambda blob: saver.save(BlobType.TREE, blob)


class Verdict(NamedTuple):
    """What becomes of one entry: ``fields`` to set, None to leave it out; ``note`` says why."""

    fields: dict[str, Any] | None
    note: str


@dataclass
class Folder:
    """A tree as it is read: ``raws`` is set if it must be written anew whatever its entries."""

    blob: bytes
    nodes: list[Node]
    raws: list[Raw] | None = None
    notes: list[tuple[bytes, str]] = field(default_factory=list)


class Rules(Protocol):
    """What is done to folders and entries; paths are absolute within the snapshot."""

    # Whether the same folder may fare differently at another path.
    depends_on_path: bool
    # Whether a folder may be written anew although its JSON is not as Go writes it.
    takes_any_json: bool

    def open(self, path: bytes, tree_id: bytes, /) -> Folder | None:
        """Read a folder; None if it cannot be read and must be replaced."""

    def judge(self, path: bytes, node: Node, /) -> Verdict | None:
        """None leaves the entry as it is."""


@dataclass(frozen=True)
class NewTree:
    """What became of a folder; ``files`` and ``size_bytes`` count what is left in it.

    ``notes`` are about its own entries, ``below`` are the folders in it that have notes.
    """

    id: bytes
    files: int
    size_bytes: int
    notes: tuple[tuple[bytes, str], ...] = ()
    below: tuple[tuple[bytes, "NewTree"], ...] = ()

    def all_notes(self, root: bytes = b"/") -> Iterator[tuple[bytes, str]]:
        """Path and note of everything that was changed, folder by folder."""
        stack = [(root, self)]
        while stack:
            path, tree = stack.pop()
            yield from ((path + name, note) for name, note in tree.notes)
            stack += [(path + name + b"/", below) for name, below in reversed(tree.below)]


class TreeRewriter:
    """Remembers every folder it has met: snapshots share nearly all of theirs."""

    def __init__(self, rules: Rules, save: SaveTree) -> None:
        self._rules = rules
        self._save = save
        self._known: dict[tuple[bytes, bytes], NewTree | None] = {}

    def rewrite(self, root_id: bytes) -> NewTree | None:
        """The new tree of a snapshot; None if its root cannot be read."""
        root = _Frame(b"/", root_id)
        stack = [root]
        while stack:
            frame = stack[-1]
            child = self._advance(frame)
            if child is None:
                stack.pop()
            elif len(stack) >= MAX_DEPTH:
                raise DamagedRepository(
                    f"folders are nested deeper than {MAX_DEPTH} levels",
                    hint="no file system holds such a path; was this repository tampered with?",
                )
            else:
                stack.append(child)
        return self._known[self._key(root.path, root_id)]

    def _key(self, path: bytes, tree_id: bytes) -> tuple[bytes, bytes]:
        return (path if self._rules.depends_on_path else b"", tree_id)

    def _advance(self, frame: "_Frame") -> "_Frame | None":
        """Go on with a folder up to the next one in it that is not known; None when done."""
        key = self._key(frame.path, frame.tree_id)
        if key in self._known:
            return None
        if frame.folder is None:
            frame.folder = self._rules.open(frame.path, frame.tree_id)
            if frame.folder is None:
                self._known[key] = None
                return None
        nodes = frame.folder.nodes
        while frame.position < len(nodes):
            child = self._take(frame, nodes[frame.position])
            if child is not None:
                return child
            frame.position += 1
        self._known[key] = self._finish(frame, frame.folder)
        return None

    def _take(self, frame: "_Frame", node: Node) -> "_Frame | None":
        """Decide about one entry; a folder not met before is returned, to be done first."""
        path = frame.path + node.name
        verdict = frame.verdict
        if verdict is None:
            verdict = self._rules.judge(path, node) or _AS_IT_IS
        if node.subtree is not None and verdict.fields is not None:
            inside = path + b"/"
            key = self._key(inside, node.subtree)
            if key not in self._known:
                frame.verdict = verdict
                return _Frame(inside, node.subtree)
            verdict = self._take_folder(frame, node, self._known[key])
        elif node.type == "file" and verdict.fields is not None:
            frame.files += 1
            frame.size_bytes += verdict.fields.get("size", node.size) or 0
        frame.verdict = None
        if verdict.note:
            frame.notes.append((node.name, verdict.note))
        if verdict is not _AS_IT_IS:
            frame.changes[frame.position] = verdict.fields
        return None

    def _take_folder(self, frame: "_Frame", node: Node, tree: NewTree | None) -> Verdict:
        if tree is None:
            empty = self._save(EMPTY_TREE).hex()
            return Verdict({"subtree": empty}, "cannot be read: all that was in it is lost")
        frame.files += tree.files
        frame.size_bytes += tree.size_bytes
        if tree.notes or tree.below:
            frame.below.append((node.name, tree))
        return _AS_IT_IS if tree.id == node.subtree else Verdict({"subtree": tree.id.hex()}, "")

    def _finish(self, frame: "_Frame", folder: Folder) -> NewTree:
        tree_id = frame.tree_id
        if frame.changes or folder.raws is not None:
            tree_id = self._save(self._encode(frame, folder))
        notes = (*folder.notes, *frame.notes)
        return NewTree(tree_id, frame.files, frame.size_bytes, notes, tuple(frame.below))

    def _encode(self, frame: "_Frame", folder: Folder) -> bytes:
        try:
            whole = self._parse(folder)
            raws = whole["nodes"] if folder.raws is None else folder.raws
            changed = [
                _change(raw, frame.changes.get(number, {})) for number, raw in enumerate(raws)
            ]
            return _encode_tree(whole | {"nodes": [raw for raw in changed if raw is not None]})
        except MALFORMED as error:
            path = frame.path.decode("utf-8", "backslashreplace")
            raise RepositoryError(
                f"cannot encode the folder {path} without losing information: {error}",
                hint="choose other snapshots, or patterns that leave this folder alone",
            ) from error

    def _parse(self, folder: Folder) -> Raw:
        if self._rules.takes_any_json:
            with contextlib.suppress(*MALFORMED):
                return parse_raw(folder.blob)
            return parse_raw(encode_nodes(folder.nodes))
        whole = parse_raw(folder.blob)
        if _encode_tree(whole) != folder.blob:
            raise ValueError("it holds what no encoder writes")
        return whole


@dataclass
class _Frame:
    """A folder being rewritten; ``path`` ends with a slash."""

    path: bytes
    tree_id: bytes
    folder: Folder | None = None
    position: int = 0
    verdict: Verdict | None = None
    changes: dict[int, dict[str, Any] | None] = field(default_factory=dict)
    notes: list[tuple[bytes, str]] = field(default_factory=list)
    below: list[tuple[bytes, NewTree]] = field(default_factory=list)
    files: int = 0
    size_bytes: int = 0


_AS_IT_IS = Verdict({}, "")


def _change(raw: Raw, fields: dict[str, Any] | None) -> Raw | None:
    if fields is None:
        return None
    for name, value in fields.items():
        raw = with_field(raw, name, value, TREE_FIELDS)
    return raw


def _encode_tree(raw: Raw) -> bytes:
    return encode_raw(raw) + b"\n"

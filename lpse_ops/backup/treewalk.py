"""Walks the trees of a snapshot, from the root down, in the order of the names' bytes.

Never recursive, and bounded in depth: a repository may be hostile.
"""

from collections import Counter, OrderedDict
from collections.abc import Callable, Iterator
from typing import NamedTuple

from lpse_ops.backup.blobindex import BlobIndex, Location
from lpse_ops.backup.node import Node
from lpse_ops.backup.pack import BlobType
from lpse_ops.backup.repository import Repository
from lpse_ops.backup.storage.backend import FileKind, file_name
from lpse_ops.backup.tree import Reference, parse_references, parse_tree
from lpse_ops.errors import DamagedRepository, RepositoryError, StorageError

# A path of PATH_MAX bytes has at most half as many parts.
MAX_DEPTH = 2048
# What so many names of file systems, of 255 bytes at most, never reach.
_MAX_PATH_BYTES = 1 << 20
# Pieces of packs that are kept, and how many trees of a pack are read alone before that: over a
# slow line nobody wants a whole piece for the one tree of a path.
_PIECE_BYTES = 1 << 20
# How far a piece reaches into the next, for the tree that begins in one and ends in the other.
_OVERLAP_BYTES = 1 << 16
_PIECES = 4
_SINGLE_READS = 4


class Entry(NamedTuple):
    """``path`` is absolute within the snapshot."""

    path: bytes
    node: Node


def load_tree(repository: Repository, index: BlobIndex, tree_id: bytes) -> list[Node]:
    return parse_tree(repository.load_blob(index, BlobType.TREE, tree_id), tree_id)


class TreeLoader:
    """Loads trees as ``load_tree``, for whoever loads many: those that lie together at once.

    A backup stores its trees side by side in a few packs.  Used from one thread; holds at most
    8 MiB.  ``single_reads`` is from how many trees of a pack on pieces are read at all.
    """

    def __init__(
        self, repository: Repository, index: BlobIndex, *, single_reads: int = _SINGLE_READS
    ) -> None:
        self._repository = repository
        self._single_reads = single_reads
        self._index = index
        self._reads: Counter[bytes] = Counter()
        self._ends: dict[bytes, int] = {}
        self._pieces: OrderedDict[tuple[bytes, int], memoryview] = OrderedDict()

    def tree(self, tree_id: bytes) -> list[Node]:
        return parse_tree(self.blob(tree_id), tree_id)

    def references(self, tree_id: bytes) -> list[Reference]:
        return parse_references(self.blob(tree_id), tree_id)

    def blob(self, tree_id: bytes) -> bytes:
        """A tree's JSON; raises as ``Repository.load_blob``."""
        location = next(self._index.locations(BlobType.TREE, tree_id), None)
        if location is not None:
            try:
                envelope = self._find_piece(location)
                if envelope is not None:
                    return self._repository.open_blob(location, envelope)
            except (DamagedRepository, StorageError):
                # What is wrong with it, and whether there is another copy, is found below.
                self._pieces.clear()
        return self._repository.load_blob(self._index, BlobType.TREE, tree_id)

    def _find_piece(self, location: Location) -> memoryview | None:
        """The blob's envelope out of a piece of its pack; None if a piece is not worth it yet."""
        pack_id, entry = location
        start = entry.offset // _PIECE_BYTES * _PIECE_BYTES
        end = entry.offset + entry.length
        if entry.length > _PIECE_BYTES:
            return None
        piece = self._pieces.get((pack_id, start))
        if piece is None or start + len(piece) < end:
            self._reads[pack_id] += 1
            if self._reads[pack_id] <= self._single_reads:
                return None
            piece = self._load_piece(pack_id, start, end)
        self._pieces.move_to_end((pack_id, start))
        return piece[entry.offset - start : end - start]

    def _load_piece(self, pack_id: bytes, start: int, end: int) -> memoryview:
        if pack_id not in self._ends:
            self._ends[pack_id] = self._index.blobs_end(pack_id)
        stop = max(end, min(start + _PIECE_BYTES + _OVERLAP_BYTES, self._ends[pack_id]))
        name = file_name(FileKind.PACK, pack_id.hex())
        piece = memoryview(self._repository.backend.load(name, start, stop - start))
        self._pieces[pack_id, start] = piece
        if len(self._pieces) > _PIECES:
            self._pieces.popitem(last=False)
        return piece


def _descend(_entry: Entry) -> bool:
    return True


def walk_tree(
    repository: Repository,
    index: BlobIndex,
    tree_id: bytes,
    *,
    root: bytes = b"/",
    enter: Callable[[Entry], bool] = _descend,
    load: Callable[[bytes], list[Node]] | None = None,
) -> Iterator[Entry]:
    """Every entry below a tree, a folder before what is in it; ``enter`` may leave folders out.

    ``load`` is a ``TreeLoader.tree`` that serves for more than this walk.
    """
    load = load or TreeLoader(repository, index).tree
    # One path only, of the folder that is looked at: those above it are its beginnings.
    folder = root if root.endswith(b"/") else root + b"/"
    above: list[int] = []
    stack = [iter(load(tree_id))]
    while stack:
        node = next(stack[-1], None)
        if node is None:
            stack.pop()
            folder = folder[: above.pop()] if above else folder
            continue
        entry = Entry(folder + node.name, node)
        yield entry
        if node.subtree is not None and enter(entry):
            refuse_endless(len(stack), entry.path)
            stack.append(iter(load(node.subtree)))
            above.append(len(folder))
            folder = entry.path + b"/"


def endless(depth: int, path: bytes = b"") -> str:
    """Why nobody can have backed up a folder in ``depth`` others; empty if somebody can."""
    if depth >= MAX_DEPTH:
        return f"folders are nested deeper than {MAX_DEPTH} levels"
    if len(path) > _MAX_PATH_BYTES:
        return f"the path of a folder is longer than {_MAX_PATH_BYTES} bytes"
    return ""


def refuse_endless(depth: int, path: bytes = b"") -> None:
    """``DamagedRepository`` if it is ``endless``."""
    if problem := endless(depth, path):
        raise DamagedRepository(
            problem, hint="no file system holds such a path; was this repository tampered with?"
        )


def find_entry(repository: Repository, index: BlobIndex, tree_id: bytes, path: bytes) -> Entry:
    """The entry at an absolute path, or ``RepositoryError`` naming the part that is not there."""
    current = b""
    node: Node | None = None
    for part in [piece for piece in path.split(b"/") if piece]:
        current += b"/" + part
        below = tree_id if node is None else node.subtree
        nodes = [] if below is None else load_tree(repository, index, below)
        node = next((each for each in nodes if each.name == part), None)
        if node is None:
            raise RepositoryError(
                f"{current.decode('utf-8', 'replace')} is not in the snapshot",
                hint="lpse-ops backup ls SNAPSHOT shows what is",
            )
    if node is None:
        raise RepositoryError(
            "a path below / is needed", hint="lpse-ops backup ls SNAPSHOT shows what there is"
        )
    return Entry(current, node)

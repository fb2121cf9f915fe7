"""What snapshots need: the ids of all their trees and of all the data blobs in these.

Each distinct tree is read once, level by level, so that the trees of one pack are read together.
Whoever deletes relies on this: a tree that cannot be read raises, nothing is passed over.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Annotated, NamedTuple

import msgspec

from lpse_ops.backup.blobindex import BlobIndex
from lpse_ops.backup.blobranges import OpenedBlob, Range, RangeReader, plan_ranges
from lpse_ops.backup.crypto import Buffer
from lpse_ops.backup.pack import BlobType, PackEntry
from lpse_ops.backup.progress import Progress
from lpse_ops.backup.repository import Repository
from lpse_ops.backup.tree import Reference, parse_references
from lpse_ops.errors import DamagedRepository

_ID_BYTES = 32
# Ids that are collected before they are looked up: most come again and again.
_MARKED_AT_ONCE = 250_000
_Id = Annotated[str, msgspec.Meta(min_length=2 * _ID_BYTES, max_length=2 * _ID_BYTES)]


class _Node(msgspec.Struct, gc=False):
    """The few fields that lead to other blobs; what is skipped was never looked at by us."""

    type: str
    content: list[_Id] | None = None
    subtree: _Id | None = None


class _Tree(msgspec.Struct):
    nodes: list[_Node] | None


_DECODER = msgspec.json.Decoder(_Tree)


class TreeLinks(NamedTuple):
    """A tree and what it refers to."""

    id: bytes
    subtrees: list[bytes]
    content: list[bytes]


def parse_links(blob: Buffer, tree_id: bytes) -> TreeLinks:
    """The ids in a tree, whatever kind of entry holds them, or ``DamagedRepository``."""
    try:
        nodes = _DECODER.decode(blob).nodes or []
        if any(node.subtree is None for node in nodes if node.type == "dir"):
            raise ValueError("a folder has no subtree")
        content = [each for node in nodes if node.content for each in node.content]
        subtrees = [node.subtree for node in nodes if node.subtree is not None]
        return TreeLinks(tree_id, _ids(subtrees), _ids(content))
    except (ValueError, RecursionError):
        return _links_of(parse_references(bytes(blob), tree_id), tree_id)


def _links_of(references: list[Reference], tree_id: bytes) -> TreeLinks:
    """The slow way knows the oddities that Go takes, and says what is wrong with the rest."""
    subtrees = [each.subtree for each in references if each.subtree is not None]
    content = [blob_id for each in references for blob_id in each.content or ()]
    return TreeLinks(tree_id, subtrees, content)


def _ids(texts: list[str]) -> list[bytes]:
    """Ids from hex digits, all in one go."""
    raw = bytes.fromhex("".join(texts))
    # fromhex passes over white space, so that a wrong id is too short.
    if len(raw) != _ID_BYTES * len(texts):
        raise ValueError("an id is not made of hex digits")
    return [raw[start : start + _ID_BYTES] for start in range(0, len(raw), _ID_BYTES)]


def read_trees(
    repository: Repository,
    index: BlobIndex,
    roots: Iterable[bytes],
    seen: set[bytes],
    progress: Progress,
) -> Iterator[TreeLinks]:
    """Every distinct tree at and below ``roots`` that is not in ``seen``, which grows."""
    with RangeReader(repository) as reader:
        level = set(roots) - seen
        while level:
            seen |= level
            below: set[bytes] = set()
            for links in _read_level(repository, index, reader, level, progress):
                yield links
                below.update(links.subtrees)
            level = below - seen


def _read_level(
    repository: Repository,
    index: BlobIndex,
    reader: RangeReader,
    tree_ids: set[bytes],
    progress: Progress,
) -> Iterator[TreeLinks]:
    for wanted, found in reader.read(_ranges(repository, index, tree_ids), _take_links):
        for entry, links in zip(wanted.entries, found, strict=True):
            if links is None:
                # Another pack may hold a whole copy; if none does, this says what is wrong.
                blob = repository.load_blob(index, BlobType.TREE, entry.id)
                links = parse_links(blob, entry.id)
            progress.advance(entry.length)
            yield links


def _take_links(blob: OpenedBlob) -> TreeLinks:
    return parse_links(blob.plaintext, blob.entry.id)


def _ranges(repository: Repository, index: BlobIndex, tree_ids: set[bytes]) -> Iterator[Range]:
    by_pack: defaultdict[bytes, list[PackEntry]] = defaultdict(list)
    for tree_id in tree_ids:
        location = next(index.locations(BlobType.TREE, tree_id), None)
        if location is None:
            repository.load_blob(index, BlobType.TREE, tree_id)  # raises: it is nowhere
            continue
        by_pack[location.pack_id].append(location.entry)
    for pack_id, entries in by_pack.items():
        yield from plan_ranges(pack_id, entries)


def find_used(
    repository: Repository, index: BlobIndex, roots: Iterable[bytes], progress: Progress
) -> bytearray:
    """A byte for each row of the index: 1 for one copy of each blob that is needed, else 0.

    Raises ``DamagedRepository`` if one stands in no index: deleting now would lose more.
    """
    flags = bytearray(len(index))
    trees: set[bytes] = set()
    data: set[bytes] = set()
    for links in read_trees(repository, index, roots, trees, progress):
        data.update(links.content)
        if len(data) >= _MARKED_AT_ONCE:
            _mark(index, flags, BlobType.DATA, data)
            data.clear()
    _mark(index, flags, BlobType.DATA, data)
    _mark(index, flags, BlobType.TREE, trees)
    return flags


def _mark(index: BlobIndex, flags: bytearray, blob_type: BlobType, blob_ids: set[bytes]) -> None:
    missing = index.mark(flags, blob_type, blob_ids)
    if missing:
        raise DamagedRepository(
            f"{len(missing)} {blob_type.name.lower()} blobs that snapshots need are in no "
            f"index (one is {min(missing).hex()[:10]}); nothing was removed",
            hint="run lpse-ops backup repair index, then lpse-ops backup check",
        )

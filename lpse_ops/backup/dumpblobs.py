"""Which blobs belong to database dumps: they and documents live in packs of their own.

A dump's blobs die with the next dumps, a document's hardly ever: together in one pack, each prune
would have to write the documents again.
"""

from collections.abc import Iterable

from lpse_ops.backup.blobindex import BlobIndex
from lpse_ops.backup.pack import BlobType
from lpse_ops.backup.repository import Repository
from lpse_ops.backup.tree import Reference
from lpse_ops.backup.treewalk import TreeLoader

# Where a snapshot holds its dumps: /lpse-ops/databases.
_FOLDERS = (b"lpse-ops", b"databases")


def mark_dumps(repository: Repository, index: BlobIndex, roots: Iterable[bytes]) -> bytearray:
    """A byte for each row of the index: 1 for the data blobs of dumps, else 0."""
    flags = bytearray(len(index))
    trees = TreeLoader(repository, index)
    for tree_id in set(roots):
        for file in _dumps(trees, tree_id):
            for blob_id in file.content or ():
                for row in index.rows(BlobType.DATA, blob_id):
                    flags[row] = 1
    return flags


def _dumps(trees: TreeLoader, tree_id: bytes) -> list[Reference]:
    """The entries of the folder with the dumps, none if there is no such folder."""
    entries = trees.references(tree_id)
    for name in _FOLDERS:
        below = next((each.subtree for each in entries if each.name == name), None)
        if below is None:
            return []
        entries = trees.references(below)
    return entries

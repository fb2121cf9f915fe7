"""Puts index files in the place of others: first the new ones, durable and seen, then the old go.

All blobs of a pack stay in one entry of one file (spec/restic-format.md, section 9).
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from lpse_ops.backup.blobindex import BlobIndex
from lpse_ops.backup.indexfile import PackList, parse_columns
from lpse_ops.backup.indexwriter import IndexWriter
from lpse_ops.backup.repository import Repository
from lpse_ops.backup.storage.backend import FileKind, file_name
from lpse_ops.errors import StorageError

# Index files of fewer blobs are merged.
_SMALL_BLOBS = 10_000
# A prune leaves up to two small index files: the next must not take that for work.
_MIN_SMALL_FILES = 4


class IndexFile(NamedTuple):
    """An index file: how many blobs it lists, in which packs."""

    id: str
    blobs: int
    packs: frozenset[bytes]


def plan_indexes(
    files: Sequence[IndexFile], gone: Collection[bytes], *, small_blobs: int
) -> list[IndexFile]:
    """Index files to write anew: they list what is gone or listed twice, or many are small."""
    seen: set[bytes] = set()
    twice: set[bytes] = set()
    for file in files:
        twice |= seen & file.packs
        seen |= file.packs
    dirty = [file for file in files if file.packs & twice or not file.packs.isdisjoint(gone)]
    small = [file for file in files if file.blobs < small_blobs and file not in dirty]
    return dirty + small if dirty or len(small) >= _MIN_SMALL_FILES else []


def load_indexes(repository: Repository) -> tuple[BlobIndex, list[IndexFile]]:
    """All index files, as one index and by themselves."""
    index = BlobIndex()
    files: list[IndexFile] = []
    for index_id in repository.files(FileKind.INDEX):
        columns = parse_columns(repository.load(FileKind.INDEX, index_id), index_id)
        index.add_columns(columns)
        packs = frozenset(pack_id for pack_id, _ in columns.packs)
        files.append(IndexFile(index_id, len(columns.kinds), packs))
    return index, files


def replace_indexes(
    repository: Repository,
    index: BlobIndex,
    files: Sequence[IndexFile],
    gone: Collection[bytes],
    *,
    new: Iterable[str] = (),
) -> None:
    """Write index files without the packs that are ``gone``, then remove those they replace.

    ``new`` are index files that must be there, too, before any is removed.
    """
    superseded = plan_indexes(files, gone, small_blobs=_SMALL_BLOBS)
    wanted = {pack for file in superseded for pack in file.packs}.difference(gone)
    writer = IndexWriter(repository)
    for pack_id, entries in _whole(index, wanted):
        writer.add(pack_id, entries)
    writer.flush()
    expected = map(bytes.fromhex, (*new, *writer.saved))
    refuse_lost(repository, FileKind.INDEX, dict.fromkeys(expected))
    _remove(repository, {file.id for file in superseded})


def _whole(index: BlobIndex, packs: Collection[bytes]) -> Iterator[PackList]:
    """Some packs with all their blobs."""
    for pack_id, rows in index.pack_rows():
        if pack_id in packs:
            in_order = sorted(rows, key=index.offsets.__getitem__)
            yield pack_id, [index.entry_at(row) for row in in_order]


def refuse_lost(
    repository: Repository, kind: FileKind, expected: Mapping[bytes, int | None]
) -> None:
    """Raise ``StorageError`` if one of the files is not listed, or not with its size."""
    if not expected:
        return
    listed = {bytes.fromhex(file.id): file.size_bytes for file in repository.backend.files(kind)}
    for file_id, size in expected.items():
        if file_id not in listed or size not in (None, listed[file_id]):
            raise StorageError(
                f"{file_name(kind, file_id.hex())} was stored, but is not there as it was written",
                hint="nothing was removed; look at the disk (dmesg), then run the prune again",
            )


def _remove(repository: Repository, superseded: set[str]) -> None:
    for index_id in sorted(superseded):
        repository.remove(FileKind.INDEX, index_id)
    left = superseded.intersection(repository.files(FileKind.INDEX)) if superseded else None
    if left:
        raise StorageError(
            f"index {min(left)[:10]} was removed, but is still there; no pack was removed",
            hint="look at the storage, then run the prune again",
        )

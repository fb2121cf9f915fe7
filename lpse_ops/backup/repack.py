"""Moves blobs that are still needed out of packs that are mostly not, into new packs.

An envelope is taken over as it stands, once it was opened and its blob proved: same key, same
bytes.  A damaged copy is passed over for another; if there is none, nothing has been removed yet.
"""

from collections.abc import Iterable
from itertools import chain
from typing import NamedTuple

from lpse_ops.backup.blobindex import BlobIndex
from lpse_ops.backup.blobranges import OpenedBlob, RangeReader, Take, plan_ranges
from lpse_ops.backup.crypto import Buffer
from lpse_ops.backup.indexfile import PackList
from lpse_ops.backup.newpacks import NewPacks
from lpse_ops.backup.pack import BlobType, PackEntry
from lpse_ops.backup.progress import Progress
from lpse_ops.backup.repository import Repository
from lpse_ops.backup.storage.backend import FileKind, file_name
from lpse_ops.errors import DamagedRepository, StorageError


class _Piece(NamedTuple):
    """A proved blob on its way: an envelope to take over, or a plaintext to compress."""

    entry: PackEntry
    content: Buffer
    is_sealed: bool


def repack(
    repository: Repository,
    index: BlobIndex,
    wanted: Iterable[PackList],
    target: NewPacks,
    progress: Progress,
    *,
    compress_data: bool = False,
) -> None:
    """Store the ``wanted`` blobs, of each pack those that are listed, in new packs.

    Raw trees are always compressed, raw data with ``compress_data``.  The caller flushes.
    """

    def take(blob: OpenedBlob) -> _Piece:
        entry = blob.entry
        is_raw = not entry.uncompressed_length
        if is_raw and (entry.type is BlobType.TREE or compress_data):
            return _Piece(entry, bytes(blob.plaintext), is_sealed=False)
        return _Piece(entry, blob.envelope, is_sealed=True)

    ranges = chain.from_iterable(plan_ranges(*each) for each in wanted)
    with RangeReader(repository) as reader:
        for done, pieces in reader.read(ranges, take):
            for entry, piece in zip(done.entries, pieces, strict=True):
                _store(target, piece or _other_copy(repository, index, entry, take))
                progress.advance(entry.length)


def find_unreadable(repository: Repository, packs: Iterable[PackList]) -> set[bytes]:
    """Those of the packs of which one of the listed blobs cannot be read and proved."""
    ranges = chain.from_iterable(plan_ranges(*each) for each in packs)
    with RangeReader(repository) as reader:
        return {
            done.pack_id for done, found in reader.read(ranges, lambda _: True) if not all(found)
        }


def _store(target: NewPacks, piece: _Piece) -> None:
    if piece.is_sealed:
        target.add_sealed(piece.entry, piece.content)
    else:
        target.add_plaintext(piece.entry, piece.content)


def _other_copy(
    repository: Repository, index: BlobIndex, entry: PackEntry, take: Take[_Piece]
) -> _Piece:
    """The blob from any place where it can be read; raises what is wrong if there is none."""
    for location in index.locations(entry.type, entry.id):
        found = location.entry
        name = file_name(FileKind.PACK, location.pack_id.hex())
        try:
            envelope = repository.backend.load(name, found.offset, found.length)
            plaintext = repository.open_blob(location, envelope)
        except (DamagedRepository, StorageError):
            continue
        return take(OpenedBlob(found, memoryview(envelope), memoryview(b""), plaintext))
    plaintext = repository.load_blob(index, entry.type, entry.id)
    return _Piece(entry, plaintext, is_sealed=False)

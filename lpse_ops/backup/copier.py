"""Copies snapshots into another repository: every blob is proved, and sealed with its key.

As restic's copy: what is there already is not copied again, and ``original`` names the snapshot
that it was at first.  Unlike it: what the packs of the target lost since is copied once more.
"""

import contextlib
from collections import defaultdict
from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import compress
from typing import NamedTuple

from lpse_ops.backup.blobindex import BlobIndex
from lpse_ops.backup.blobranges import OpenedBlob, Range, RangeReader, plan_ranges
from lpse_ops.backup.collector import rare_collections
from lpse_ops.backup.crypto import Buffer
from lpse_ops.backup.gojson import MALFORMED
from lpse_ops.backup.newpacks import NewPacks
from lpse_ops.backup.pack import BlobType, PackEntry
from lpse_ops.backup.progress import SILENT, ExpectingProgress
from lpse_ops.backup.pruneplan import NEEDED, count_uses
from lpse_ops.backup.rawjson import SNAPSHOT_FIELDS, encode_raw, parse_raw, with_field
from lpse_ops.backup.repairindex import pack_sizes
from lpse_ops.backup.repository import Repository
from lpse_ops.backup.snapshot import Snapshot
from lpse_ops.backup.storage.backend import FileKind
from lpse_ops.backup.usedblobs import read_trees
from lpse_ops.errors import DamagedRepository, StorageError

# A snapshot is saved after its packs, and half-full packs are wasteful: wait for this much.
_FLUSH_BYTES = 256 * 1024 * 1024

Chosen = Callable[[Snapshot], None]


@dataclass
class CopyReport:
    """``copied`` maps the snapshots' ids to those they have in the target; ``skipped`` likewise.

    Of the skipped only blobs were copied, if they are gone from the target's packs.
    """

    copied: dict[str, str] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)
    blobs: int = 0
    bytes_read: int = 0


class _Piece(NamedTuple):
    entry: PackEntry
    content: Buffer


@rare_collections()
def copy_snapshots(
    source: Repository,
    target: Repository,
    snapshots: Iterable[Snapshot],
    progress: ExpectingProgress,
    *,
    starts: Chosen = lambda _: None,
) -> CopyReport:
    """Copy snapshots, oldest first; the caller holds a lock on both repositories.

    What was copied by a run that was stopped is not copied again.  A snapshot that the source
    cannot give raises an error with its name; those before it are whole in the target.
    """
    target.ensure_writable()
    report = CopyReport()
    # Snapshots before indexes, in both repositories; the caller listed those of the source.
    copies = known_copies(target.snapshots())
    with NewPacks(target) as packs:
        copier = _Copier(source, target, packs, progress, report)
        known: list[Snapshot] = []
        for snapshot in sorted(snapshots, key=lambda each: (each.time, each.id)):
            same = find_copy(snapshot, copies)
            if same is not None:
                report.skipped[snapshot.id] = same.id
                known.append(snapshot)
                continue
            starts(snapshot)
            copier.copy(snapshot)
        # Last: an old snapshot that rots in the source must not hold up the new ones.
        for snapshot in known:
            copier.heal(snapshot)
        copier.finish()
    return report


def known_copies(snapshots: Iterable[Snapshot]) -> dict[str, list[Snapshot]]:
    """The target's snapshots by their own ids, and by the ids of those they are copies of."""
    found: defaultdict[str, list[Snapshot]] = defaultdict(list)
    for each in snapshots:
        for name in {each.id, each.original} - {""}:
            found[name].append(each)
    return dict(found)


def find_copy(snapshot: Snapshot, copies: dict[str, list[Snapshot]]) -> Snapshot | None:
    """The target's snapshot that is this one, if there is one."""
    named = copies.get(snapshot.original or snapshot.id, [])
    return next((each for each in named if _is_same(each, snapshot)), None)


def _is_same(one: Snapshot, other: Snapshot) -> bool:
    """Alike in all that a person sees: a copy whose tags were changed is another."""
    return _identity(one) == _identity(other)


def _identity(snapshot: Snapshot) -> tuple[object, ...]:
    lists = (snapshot.paths, snapshot.excludes, snapshot.tags)
    return (
        snapshot.time,
        snapshot.tree,
        snapshot.hostname,
        snapshot.username,
        snapshot.uid,
        snapshot.gid,
        *(tuple(sorted(each)) for each in lists),
    )


def load_sound_index(repository: Repository) -> BlobIndex:
    """The index without packs that are gone or have another size: nothing in them counts."""
    index = repository.load_index()
    # Listed after the index was read: a pack is stored before an index names it.
    sizes = pack_sizes(repository)
    uses = count_uses(index, bytearray([NEEDED]) * len(index))
    broken = {use.id for use in uses if sizes.get(use.id) != use.size_bytes}
    if not broken:
        return index
    sound = BlobIndex()
    for pack_id, entries in index.packs():
        if pack_id not in broken:
            sound.add_pack(pack_id, entries)
    return sound


def encode_copy(content: bytes, snapshot: Snapshot) -> bytes:
    """What is stored in the target: all as it was, but a parent means nothing there."""
    try:
        raw = with_field(parse_raw(content), "parent", None, SNAPSHOT_FIELDS)
    except MALFORMED as error:
        raise DamagedRepository(
            f"the file of snapshot {snapshot.short_id} cannot be read: {error}",
            hint="lpse-ops backup copy SNAPSHOT... copies the others",
        ) from error
    # To the nanosecond, which our own types do not keep: restic compares times.
    original = snapshot.original or snapshot.id
    return encode_raw(with_field(raw, "original", original, SNAPSHOT_FIELDS))


class _Copier:
    """Keeps what is copied, but in no finished pack, together with the snapshots that wait."""

    def __init__(
        self,
        source: Repository,
        target: Repository,
        packs: NewPacks,
        progress: ExpectingProgress,
        report: CopyReport,
    ) -> None:
        self._source = source
        self._target = target
        self._packs = packs
        self._progress = progress
        self._report = report
        self._source_index = source.load_index()
        self._target_index = load_sound_index(target)
        self._seen: set[bytes] = set()
        self._waiting: list[tuple[Snapshot, bytes]] = []
        self._unflushed = 0
        self._expected = 0

    def copy(self, snapshot: Snapshot) -> None:
        """Copy what the target lacks; the snapshot itself follows once its packs are durable."""
        self.heal(snapshot)
        with self._saving_the_others(snapshot):
            content = encode_copy(self._source.load(FileKind.SNAPSHOT, snapshot.id), snapshot)
        self._waiting.append((snapshot, content))
        if self._unflushed >= _FLUSH_BYTES:
            self.finish()

    def heal(self, snapshot: Snapshot) -> None:
        """Copy what the target lacks of a snapshot, but not the snapshot itself."""
        with contextlib.closing(self._read_missing(snapshot)) as missing:
            for entry, piece in missing:
                self._store(entry, piece)

    def _read_missing(self, snapshot: Snapshot) -> Generator[tuple[PackEntry, _Piece], None, None]:
        """What the target lacks, with its entry in the source; only the source is used here."""
        index = self._source_index
        with self._saving_the_others(snapshot):
            flags = _flag(index, self._missing(snapshot.tree))
            if 1 not in flags:
                return
            self._expected += sum(compress(index.lengths, flags))
            self._progress.expect(self._expected)
            with RangeReader(self._source) as reader:
                for wanted, pieces in reader.read(_ranges(index, flags), _take):
                    for entry, piece in zip(wanted.entries, pieces, strict=True):
                        yield entry, piece or self._load_elsewhere(entry)

    def _load_elsewhere(self, entry: PackEntry) -> _Piece:
        """Another pack may hold a whole copy; if none does, this says what is wrong."""
        plaintext = self._source.load_blob(self._source_index, entry.type, entry.id)
        # Not compressed, unlike what the pack holds.
        return _Piece(entry._replace(uncompressed_length=0), plaintext)

    @contextlib.contextmanager
    def _saving_the_others(self, snapshot: Snapshot) -> Iterator[None]:
        """If the source fails, save the snapshots that are complete, and name the one that is not.

        No other may follow it: the index takes blobs for stored that will never be.
        """
        try:
            yield
        except (DamagedRepository, StorageError) as error:
            self.finish()
            raise type(error)(
                f"snapshot {snapshot.short_id} cannot be copied, nor what comes after it "
                f"({len(self._report.copied)} copied before it): {error.message}",
                hint="to leave it out, name the others: lpse-ops backup copy SNAPSHOT...; or mend "
                "the source first: lpse-ops backup repair index, then repair packs --all-damaged",
            ) from error

    def finish(self) -> None:
        """Make everything durable, then save the snapshots that waited for it."""
        self._packs.flush()
        self._unflushed = 0
        for snapshot, content in self._waiting:
            self._report.copied[snapshot.id] = self._target.save(FileKind.SNAPSHOT, content)
        self._waiting = []

    def _missing(self, tree: bytes) -> Iterator[tuple[BlobType, bytes]]:
        """Blobs that the target lacks and nobody has promised it yet."""
        is_new = self._target_index.add_pending
        for links in read_trees(self._source, self._source_index, [tree], self._seen, SILENT):
            if is_new(BlobType.TREE, links.id):
                yield BlobType.TREE, links.id
            for blob_id in links.content:
                if is_new(BlobType.DATA, blob_id):
                    yield BlobType.DATA, blob_id

    def _store(self, entry: PackEntry, piece: _Piece) -> None:
        if piece.entry.uncompressed_length:
            self._packs.add_frame(piece.entry, piece.content)
        else:
            self._packs.add_plaintext(piece.entry, piece.content)
        self._report.blobs += 1
        self._report.bytes_read += entry.length
        self._unflushed += entry.length
        self._progress.advance(entry.length)


def _take(blob: OpenedBlob) -> _Piece:
    """Keep the compressed bytes, if the blob is compressed: to do it again would gain nothing."""
    return _Piece(blob.entry, bytes(blob.content))


def _flag(index: BlobIndex, wanted: Iterable[tuple[BlobType, bytes]]) -> bytearray:
    """A byte for each row of the index, 1 for a copy of each wanted blob."""
    flags = bytearray(len(index))
    for blob_type, blob_id in wanted:
        if index.mark(flags, blob_type, (blob_id,)):
            raise DamagedRepository(
                f"{blob_type.name.lower()} blob {blob_id.hex()[:10]}, which the snapshot needs, "
                "is in no index of the source",
                hint="run lpse-ops backup repair index on the source",
            )
    return flags


def _ranges(index: BlobIndex, flags: bytearray) -> Iterator[Range]:
    for pack_id, rows in index.pack_rows():
        chosen = [row for row in rows if flags[row]]
        yield from plan_ranges(pack_id, map(index.entry_at, chosen))

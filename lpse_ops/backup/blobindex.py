"""Where every blob of the repository lies: packed columns, some 60 bytes for each blob.

A blob is a row; rows are only ever added.  The look-up is open addressing over the first bytes of
an id, which is a SHA-256 and so evenly spread; it is made late, for all rows at once.  A blob may
be listed in several packs; any of them will do.
"""

import struct
import threading
from array import array
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from lpse_ops.backup.crypto import OVERHEAD
from lpse_ops.backup.indexfile import IndexColumns, columns_of_packs
from lpse_ops.backup.pack import BlobType, PackEntry
from lpse_ops.backup.packrows import PackRows

_ID_BYTES = 32
_FIRST_SLOTS = 1024
# To find one file takes a few questions: it is not worth while to make the look-up for them.
_SCANS = 16
# Rows whose ids are looked at together while the look-up is made.
_ROWS_AT_ONCE = 1 << 15
# The pack of a blob that this run has promised to store, but that lies in no durable pack yet.
_PENDING = 0xFFFFFFFF
_first_word = struct.Struct("=Q").unpack_from
_TYPES = (BlobType.DATA, BlobType.TREE)


class Location(NamedTuple):
    """``pack_id`` is 32 raw bytes; lengths as in ``PackEntry``."""

    pack_id: bytes
    entry: PackEntry


class BlobIndex:
    """The union of all index files, plus what the running backup adds.

    ``offsets``, ``lengths`` and ``uncompressed_lengths`` are the fields of a ``PackEntry`` by row,
    ``kinds`` is a ``BlobType`` by row: to be read, not written.
    """

    def __init__(self) -> None:
        self.kinds = bytearray()
        self.offsets = array("I")
        self.lengths = array("I")
        self.uncompressed_lengths = array("I")
        self._ids = bytearray()
        self._pack_of_row = array("I")
        self._pending = 0
        # Row numbers plus one; 0 is a free slot.
        self._slots = array("I", [0]) * _FIRST_SLOTS
        self._placed = 0
        self._scans = 0
        self._placing = threading.Lock()
        self._packs = PackRows()

    def __len__(self) -> int:
        """Number of rows, those of promised blobs among them."""
        return len(self.kinds)

    # -- adding ------------------------------------------------------------------------------

    def add_pending(self, blob_type: BlobType, blob_id: bytes) -> bool:
        """Promise to store a blob; False if it is there or promised already."""
        return bool(self.add_all_pending(blob_type, (blob_id,)))

    def add_all_pending(self, blob_type: BlobType, blob_ids: Sequence[bytes]) -> list[int]:
        """The places of those blobs that are not there, and are promised now.

        Written for speed: this is asked for every chunk of every file.
        """
        first = len(self.kinds)
        if self._placed != first or 3 * (first + len(blob_ids)) >= 2 * len(self._slots):
            self._place_all(len(blob_ids))
        slots, ids, kinds = self._slots, self._ids, self.kinds
        has_id, mask = ids.startswith, len(slots) - 1
        added = []
        for place, blob_id in enumerate(blob_ids):
            slot: int = _first_word(blob_id)[0] & mask
            while found := slots[slot]:
                if has_id(blob_id, found * _ID_BYTES - _ID_BYTES) and kinds[found - 1] == blob_type:
                    break
                slot = (slot + 1) & mask
            else:
                ids += blob_id
                kinds.append(blob_type)
                slots[slot] = len(kinds)
                added.append(place)
        self._fill_pending(len(added))
        return added

    def _fill_pending(self, count: int) -> None:
        """The columns of which nothing is known yet."""
        for column in (self.offsets, self.lengths, self.uncompressed_lengths):
            column.frombytes(bytes(count * column.itemsize))
        self._pack_of_row.extend(array("I", [_PENDING]) * count)
        self._pending += count
        self._placed = len(self.kinds)

    def add_pack(self, pack_id: bytes, entries: Iterable[PackEntry]) -> None:
        """Record a durable pack; naming one again adds what was not yet said of it."""
        listed = list(entries)
        columns = columns_of_packs([(pack_id, listed)])
        if self._is_all_new(columns):
            self._extend(columns)
        else:
            self._add_entries(pack_id, listed)

    def add_columns(self, columns: IndexColumns) -> None:
        """Record the packs of an index file, as ``add_pack`` would one after another."""
        if self._is_all_new(columns):
            self._extend(columns)
        else:
            for pack_id, entries in columns.pack_lists():
                self._add_entries(pack_id, entries)

    def _is_all_new(self, columns: IndexColumns) -> bool:
        """Whether no row can be one that is there already."""
        pack_ids = {pack_id for pack_id, _ in columns.packs}
        if self._pending or len(pack_ids) < len(columns.packs) or self._packs.knows_any(pack_ids):
            return False
        start = 0
        for _, count in columns.packs:
            if len(set(columns.offsets[start : start + count])) < count:
                return False
            start += count
        return True

    def _extend(self, columns: IndexColumns) -> None:
        row = len(self.kinds)
        for pack_id, count in columns.packs:
            number = self._packs.number_of(pack_id)
            self._packs.give_run(number, row, count)
            self._pack_of_row.extend(array("I", [number]) * count)
            row += count
        self._ids += columns.ids
        self.offsets.extend(columns.offsets)
        self.lengths.extend(columns.lengths)
        self.uncompressed_lengths.extend(columns.uncompressed_lengths)
        self.kinds += columns.kinds

    def _add_entries(self, pack_id: bytes, entries: list[PackEntry]) -> None:
        number = self._packs.number_of(pack_id)
        for entry in entries:
            row = self._row_to_fill(number, entry)
            if row is not None:
                self._packs.give_row(number, row)

    def _row_to_fill(self, number: int, entry: PackEntry) -> int | None:
        """A row that now holds the entry; None if the pack was known to hold it."""
        for row in self.rows(entry.type, entry.id):
            if self._pack_of_row[row] == number and self.offsets[row] == entry.offset:
                return None
            if self._pack_of_row[row] == _PENDING:
                self._pack_of_row[row] = number
                self.offsets[row] = entry.offset
                self.lengths[row] = entry.length
                self.uncompressed_lengths[row] = entry.uncompressed_length
                self._pending -= 1
                return row
        self._append(
            entry.type, entry.id, number, entry.offset, entry.length, entry.uncompressed_length
        )
        return len(self.kinds) - 1

    def _append(
        self, kind: int, blob_id: bytes, pack: int, offset: int, length: int, uncompressed: int
    ) -> None:
        self._ids += blob_id
        self._pack_of_row.append(pack)
        self.offsets.append(offset)
        self.lengths.append(length)
        self.uncompressed_lengths.append(uncompressed)
        self.kinds.append(kind)

    # -- looking up --------------------------------------------------------------------------

    def has(self, blob_type: BlobType, blob_id: bytes) -> bool:
        """Whether the blob is stored, or promised by ``add_pending``."""
        return self.row(blob_type, blob_id) is not None

    def row(self, blob_type: BlobType, blob_id: bytes) -> int | None:
        """The blob's oldest row, or None."""
        if self._placed != len(self.kinds):
            if self._scans < _SCANS:
                return next(self._scan(blob_type, blob_id), None)
            self._place_all()
        slots, has_id = self._slots, self._ids.startswith
        mask = len(slots) - 1
        slot: int = _first_word(blob_id)[0] & mask
        while row := slots[slot]:
            if has_id(blob_id, row * _ID_BYTES - _ID_BYTES) and self.kinds[row - 1] == blob_type:
                return row - 1
            slot = (slot + 1) & mask
        return None

    def rows(self, blob_type: BlobType, blob_id: bytes) -> Iterator[int]:
        """All rows of a blob, oldest first: one for each copy, or for the promise of one."""
        if self._placed != len(self.kinds):
            if self._scans < _SCANS:
                yield from self._scan(blob_type, blob_id)
                return
            self._place_all()
        slots, has_id = self._slots, self._ids.startswith
        mask = len(slots) - 1
        slot: int = _first_word(blob_id)[0] & mask
        while row := slots[slot]:
            if has_id(blob_id, row * _ID_BYTES - _ID_BYTES) and self.kinds[row - 1] == blob_type:
                yield row - 1
            slot = (slot + 1) & mask

    def mark(self, flags: bytearray, blob_type: BlobType, blob_ids: Iterable[bytes]) -> list[bytes]:
        """Set ``flags[row]`` of each blob's oldest row; return the ids of those not stored.

        ``flags`` has one byte for each row: ``bytearray(len(index))``.
        """
        missing = []
        for blob_id in blob_ids:
            row = self.row(blob_type, blob_id)
            if row is None or self._pack_of_row[row] == _PENDING:
                missing.append(blob_id)
            else:
                flags[row] = 1
        return missing

    def locations(self, blob_type: BlobType, blob_id: bytes) -> Iterator[Location]:
        """Every place where the blob lies."""
        for row in self.rows(blob_type, blob_id):
            number = self._pack_of_row[row]
            if number != _PENDING:
                yield Location(self._packs.ids[number], self.entry_at(row))

    def plaintext_length(self, blob_type: BlobType, blob_id: bytes) -> int | None:
        """Length in bytes of a stored blob's plaintext, or None if it is not stored."""
        row = self.row(blob_type, blob_id)
        if row is None or self._pack_of_row[row] == _PENDING:
            return None
        return self.uncompressed_lengths[row] or self.lengths[row] - OVERHEAD

    def plaintext_lengths(self, blob_type: BlobType, blob_ids: Iterable[bytes]) -> list[int | None]:
        """The same for many."""
        if self._placed != len(self.kinds):
            self._place_all()
        slots, has_id, kinds, packs = (
            self._slots,
            self._ids.startswith,
            self.kinds,
            self._pack_of_row,
        )
        lengths, uncompressed = self.lengths, self.uncompressed_lengths
        mask = len(slots) - 1
        found: list[int | None] = []
        for blob_id in blob_ids:
            slot: int = _first_word(blob_id)[0] & mask
            # The loop of ``row``, once more: this is asked for every file there is.
            while row := slots[slot]:
                if has_id(blob_id, row * _ID_BYTES - _ID_BYTES) and kinds[row - 1] == blob_type:
                    break
                slot = (slot + 1) & mask
            if row and packs[row - 1] != _PENDING:
                found.append(uncompressed[row - 1] or lengths[row - 1] - OVERHEAD)
            else:
                found.append(None)
        return found

    def _scan(self, blob_type: BlobType, blob_id: bytes) -> Iterator[int]:
        """``rows`` without the look-up: 3 ms for a million, which take 200 to place."""
        self._scans += 1
        at = self._ids.find(blob_id)
        while at >= 0:
            row, inside = divmod(at, _ID_BYTES)
            if not inside and self.kinds[row] == blob_type:
                yield row
            at = self._ids.find(blob_id, (row + 1) * _ID_BYTES)

    def _place_all(self, more: int = 0) -> None:
        """Bring the look-up up to date; threads that only look up may do so at once.

        ``more`` is how many rows it shall have room for besides.
        """
        with self._placing:
            rows, slots, first = len(self.kinds), self._slots, self._placed
            if 3 * (rows + more) >= 2 * len(slots):
                slots, first = array("I", [0]) * (1 << (3 * (rows + more)).bit_length()), 0
            mask = len(slots) - 1
            for start in range(first, rows, _ROWS_AT_ONCE):
                for row, word in enumerate(self._first_words(start), start + 1):
                    slot = word & mask
                    while slots[slot]:
                        slot = (slot + 1) & mask
                    slots[slot] = row
            self._slots = slots
            self._placed = rows

    def _first_words(self, start: int) -> list[int]:
        """The first 8 bytes of some ids, as ``_first_word`` reads them."""
        with memoryview(self._ids) as ids:
            some = ids[start * _ID_BYTES : (start + _ROWS_AT_ONCE) * _ID_BYTES]
            return some.cast("Q")[:: _ID_BYTES // 8].tolist()

    # -- rows and packs ----------------------------------------------------------------------

    def id_at(self, row: int) -> bytes:
        return bytes(self._ids[row * _ID_BYTES : (row + 1) * _ID_BYTES])

    def entry_at(self, row: int) -> PackEntry:
        return PackEntry(
            _TYPES[self.kinds[row]],
            self.id_at(row),
            self.offsets[row],
            self.lengths[row],
            self.uncompressed_lengths[row],
        )

    @property
    def pack_ids(self) -> list[bytes]:
        return self._packs.ids

    def pack_rows(self) -> Iterator[tuple[bytes, Sequence[int]]]:
        """Every pack with its rows, in no order of their own; nearly always a ``range``."""
        return iter(self._packs)

    def blobs_end(self, pack_id: bytes) -> int:
        """The end of the last listed blob of a pack, which is where its header begins."""
        rows = self._packs.rows_of(pack_id)
        return max((self.offsets[row] + self.lengths[row] for row in rows), default=0)

    def packs(self) -> Iterator[tuple[bytes, list[PackEntry]]]:
        """Every pack with its entries in the order of their offsets, one pack at a time."""
        for pack_id, rows in self.pack_rows():
            in_order = sorted(rows, key=self.offsets.__getitem__)
            yield pack_id, [self.entry_at(row) for row in in_order]

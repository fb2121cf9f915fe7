"""Where every blob of the repository lies: packed arrays, some 60 bytes for each blob.

Open addressing over the first bytes of an id, which is a SHA-256 and so evenly spread.  A blob
may be listed in several packs; any of them will do.
"""

from array import array
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from lpse_ops.backup.crypto import OVERHEAD
from lpse_ops.backup.pack import BlobType, PackEntry

_ID_BYTES = 32
_FIRST_SLOTS = 1024
# Rows of blobs that this run has promised to store, but that lie in no durable pack yet.
_PENDING = 0xFFFFFFFF


class Location(NamedTuple):
    """``pack_id`` is 32 raw bytes; lengths as in ``PackEntry``."""

    pack_id: bytes
    entry: PackEntry


class _Table:
    """The blobs of one type."""

    def __init__(self, blob_type: BlobType) -> None:
        self._type = blob_type
        self._ids = bytearray()
        self.pack = array("I")
        self.offset = array("I")
        self.length = array("I")
        self.uncompressed = array("I")
        self._slots = array("I", bytes(4 * _FIRST_SLOTS))
        self._mask = _FIRST_SLOTS - 1

    def __len__(self) -> int:
        return len(self.pack)

    def id_at(self, row: int) -> bytes:
        return bytes(self._ids[row * _ID_BYTES : (row + 1) * _ID_BYTES])

    def rows(self, blob_id: bytes) -> Iterator[int]:
        """Rows that hold the id, oldest first."""
        slots, mask, ids = self._slots, self._mask, self._ids
        slot = int.from_bytes(blob_id[:8], "little") & mask
        while row := slots[slot]:
            start = (row - 1) * _ID_BYTES
            if ids[start : start + _ID_BYTES] == blob_id:
                yield row - 1
            slot = (slot + 1) & mask

    def holds(self, blob_id: bytes) -> bool:
        slots, mask, ids = self._slots, self._mask, self._ids
        slot = int.from_bytes(blob_id[:8], "little") & mask
        while row := slots[slot]:
            if ids[(row - 1) * _ID_BYTES : row * _ID_BYTES] == blob_id:
                return True
            slot = (slot + 1) & mask
        return False

    def add_pending(self, blob_id: bytes) -> bool:
        """Add a row without a place, in one look; False if the id is there."""
        if 3 * len(self.pack) >= 2 * len(self._slots):
            self._grow()
        slots, mask, ids = self._slots, self._mask, self._ids
        slot = int.from_bytes(blob_id[:8], "little") & mask
        while row := slots[slot]:
            if ids[(row - 1) * _ID_BYTES : row * _ID_BYTES] == blob_id:
                return False
            slot = (slot + 1) & mask
        self._append(blob_id, _PENDING, 0, 0, 0)
        slots[slot] = len(self.pack)
        return True

    def add(self, blob_id: bytes, pack: int, offset: int, length: int, uncompressed: int) -> None:
        if 3 * len(self.pack) >= 2 * len(self._slots):
            self._grow()
        self._append(blob_id, pack, offset, length, uncompressed)
        self._place(blob_id, len(self.pack))

    def _append(
        self, blob_id: bytes, pack: int, offset: int, length: int, uncompressed: int
    ) -> None:
        self._ids += blob_id
        self.pack.append(pack)
        self.offset.append(offset)
        self.length.append(length)
        self.uncompressed.append(uncompressed)

    def _place(self, blob_id: bytes | bytearray, row_plus_one: int) -> None:
        slots, mask = self._slots, self._mask
        slot = int.from_bytes(blob_id[:8], "little") & mask
        while slots[slot]:
            slot = (slot + 1) & mask
        slots[slot] = row_plus_one

    def _grow(self) -> None:
        size = 2 * len(self._slots)
        self._slots = array("I", bytes(4 * size))
        self._mask = size - 1
        for row in range(len(self.pack)):
            self._place(self._ids[row * _ID_BYTES : row * _ID_BYTES + 8], row + 1)

    def entry_at(self, row: int) -> PackEntry:
        return PackEntry(
            self._type,
            self.id_at(row),
            self.offset[row],
            self.length[row],
            self.uncompressed[row],
        )


class BlobIndex:
    """The union of all index files, plus what the running backup adds."""

    def __init__(self) -> None:
        self._tables = {blob_type: _Table(blob_type) for blob_type in BlobType}
        self._packs: list[bytes] = []
        self._pack_numbers: dict[bytes, int] = {}

    def __len__(self) -> int:
        return sum(map(len, self._tables.values()))

    def has(self, blob_type: BlobType, blob_id: bytes) -> bool:
        """Whether the blob is stored, or promised by ``add_pending``."""
        return self._tables[blob_type].holds(blob_id)

    def add_pending(self, blob_type: BlobType, blob_id: bytes) -> bool:
        """Promise to store a blob; False if it is there or promised already."""
        return self._tables[blob_type].add_pending(blob_id)

    def add_pack(self, pack_id: bytes, entries: Iterable[PackEntry]) -> None:
        """Record a durable pack; naming one again adds what was not yet said of it."""
        number = self._pack_numbers.setdefault(pack_id, len(self._packs))
        if number == len(self._packs):
            self._packs.append(pack_id)
        for entry in entries:
            self._add_entry(number, entry)

    def _add_entry(self, number: int, entry: PackEntry) -> None:
        table = self._tables[entry.type]
        for row in table.rows(entry.id):
            if table.pack[row] == number and table.offset[row] == entry.offset:
                return
            if table.pack[row] == _PENDING:
                table.pack[row] = number
                table.offset[row] = entry.offset
                table.length[row] = entry.length
                table.uncompressed[row] = entry.uncompressed_length
                return
        table.add(entry.id, number, entry.offset, entry.length, entry.uncompressed_length)

    def locations(self, blob_type: BlobType, blob_id: bytes) -> Iterator[Location]:
        """Every place where the blob lies."""
        table = self._tables[blob_type]
        for row in table.rows(blob_id):
            if table.pack[row] != _PENDING:
                yield Location(self._packs[table.pack[row]], table.entry_at(row))

    def plaintext_length(self, blob_type: BlobType, blob_id: bytes) -> int | None:
        """Length in bytes of a stored blob's plaintext, or None if it is not stored."""
        table = self._tables[blob_type]
        for row in table.rows(blob_id):
            if table.pack[row] != _PENDING:
                return table.uncompressed[row] or table.length[row] - OVERHEAD
        return None

    @property
    def pack_ids(self) -> list[bytes]:
        return self._packs

    def packs(self) -> Iterator[tuple[bytes, list[PackEntry]]]:
        """Every pack with its entries in the order of their offsets."""
        by_pack: dict[int, list[PackEntry]] = {number: [] for number in range(len(self._packs))}
        for table in self._tables.values():
            for row in range(len(table)):
                if table.pack[row] != _PENDING:
                    by_pack[table.pack[row]].append(table.entry_at(row))
        for number, entries in by_pack.items():
            yield self._packs[number], sorted(entries, key=lambda entry: entry.offset)

"""Pack files: many sealed blobs, then a sealed header that lists them, then the header's length.

restic's design document, "Pack Format".  Offsets are implied: blobs follow each other from 0.
"""

import re
import struct
from collections.abc import Iterable, Sequence
from enum import IntEnum
from functools import partial
from itertools import accumulate
from typing import NamedTuple

from lpse_ops.backup.crypto import OVERHEAD
from lpse_ops.errors import DamagedRepository

LENGTH_BYTES = 4
MAX_HEADER_BYTES = 16 * 1024 * 1024
# What one blob may hold in memory; restic writes at most 8 MiB of data, trees may be larger.
MAX_BLOB_BYTES = 1 << 30

_PLAIN = struct.Struct("<BI32s")
_COMPRESSED = struct.Struct("<BII32s")
_COMPRESSED_BIT = 2


class BlobType(IntEnum):
    """The format's own numbers: a file's chunk, or a directory's JSON."""

    DATA = 0
    TREE = 1


_TYPES = (BlobType.DATA, BlobType.TREE)
_KINDS = {bytes([each | bit]): each for each in BlobType for bit in (0, _COMPRESSED_BIT)}
# Kind, length, length of the plaintext if it is compressed, id.
_ENTRIES = re.compile(
    rb"([\0-\3])(.{4})((?<=[\2\3].{4}).{4}|(?<=[\0\1].{4}))(.{32})", re.DOTALL
).findall
_RAW = bytes(4)


class PackEntry(NamedTuple):
    """One blob of a pack; ``length`` is the envelope's, ``uncompressed_length`` 0 if stored raw."""

    type: BlobType
    id: bytes
    offset: int
    length: int
    uncompressed_length: int

    @property
    def plaintext_length(self) -> int:
        return self.uncompressed_length or self.length - OVERHEAD


def encode_entry(entry: PackEntry) -> bytes:
    """One header entry, 37 or 41 bytes."""
    if entry.uncompressed_length:
        kind = entry.type | _COMPRESSED_BIT
        return _COMPRESSED.pack(kind, entry.length, entry.uncompressed_length, entry.id)
    return _PLAIN.pack(entry.type, entry.length, entry.id)


def encode_rows(
    kinds: bytes, ids: Iterable[bytes], lengths: Iterable[int], uncompressed: Iterable[int]
) -> bytes:
    """A header's plaintext from columns, a ``BlobType`` a byte in ``kinds``."""
    compressed, plain = _COMPRESSED.pack, _PLAIN.pack
    return b"".join(
        [
            compressed(kind | _COMPRESSED_BIT, length, size, blob_id)
            if size
            else plain(kind, length, blob_id)
            for kind, blob_id, length, size in zip(kinds, ids, lengths, uncompressed, strict=True)
        ]
    )


def parse_entries(header: bytes, pack_name: str) -> list[PackEntry]:
    """Read the plaintext of a header, with the offsets worked out."""
    # Written for speed: a pack may list tens of thousands of blobs.
    rows = _ENTRIES(header)
    kinds, all_lengths, all_sizes, ids = zip(*rows, strict=True) if rows else ((), (), (), ())
    if sum(map(len, all_sizes)) + len(rows) * _PLAIN.size != len(header):
        raise damaged_pack(pack_name, "its header cannot be read")
    lengths = _numbers(all_lengths)
    uncompressed = _numbers([each or _RAW for each in all_sizes])
    if rows and not (
        min(lengths) >= OVERHEAD
        and max(max(lengths), max(uncompressed)) <= MAX_BLOB_BYTES
        and uncompressed.count(0) == all_sizes.count(b"")
    ):
        raise damaged_pack(pack_name, "its header lists a blob of an impossible length")
    types = map(_KINDS.__getitem__, kinds)
    fields = zip(types, ids, accumulate(lengths, initial=0), lengths, uncompressed, strict=False)
    # Not PackEntry(...), which is Python code.
    return list(map(partial(tuple.__new__, PackEntry), fields))


def _numbers(encoded: Iterable[bytes]) -> Sequence[int]:
    raw = b"".join(encoded)
    return struct.unpack(f"<{len(raw) // 4}I", raw)


def header_bytes(entries: Iterable[PackEntry]) -> int:
    """Size of the sealed header and its length field for these entries."""
    sizes = (_COMPRESSED.size if e.uncompressed_length else _PLAIN.size for e in entries)
    return sum(sizes) + OVERHEAD + LENGTH_BYTES


def pack_bytes(entries: Iterable[PackEntry]) -> int:
    """Size that a pack with these entries must have: there is no padding."""
    listed = list(entries)
    return sum(entry.length for entry in listed) + header_bytes(listed)


def encode_header_length(length: int) -> bytes:
    return length.to_bytes(LENGTH_BYTES, "little")


def parse_header_length(tail: bytes, pack_length: int, pack_name: str) -> int:
    """Length of the sealed header from the last 4 bytes of a pack, checked against its size."""
    length = int.from_bytes(tail[-LENGTH_BYTES:], "little")
    if not OVERHEAD < length <= min(MAX_HEADER_BYTES, pack_length - LENGTH_BYTES):
        raise damaged_pack(pack_name, "its header has an impossible length")
    return length


def damaged_pack(pack_name: str, why: str) -> DamagedRepository:
    return DamagedRepository(
        f"pack {pack_name[:10]} is damaged: {why}",
        hint="run lpse-ops backup check --read-data to see what else is hit",
    )

"""Pack files: many sealed blobs, then a sealed header that lists them, then the header's length.

restic's design document, "Pack Format".  Offsets are implied: blobs follow each other from 0.
"""

import struct
from collections.abc import Iterable
from enum import IntEnum
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


def parse_entries(header: bytes, pack_name: str) -> list[PackEntry]:
    """Read the plaintext of a header, with the offsets worked out."""
    entries: list[PackEntry] = []
    position = offset = 0
    end = len(header)
    # Written for speed: a pack may list tens of thousands of blobs.
    while position < end:
        kind = header[position]
        layout = _COMPRESSED if kind & _COMPRESSED_BIT else _PLAIN
        following = position + layout.size
        if kind > 3 or following > end:
            raise damaged_pack(pack_name, "its header cannot be read")
        if kind & _COMPRESSED_BIT:
            _, length, uncompressed, blob_id = layout.unpack_from(header, position)
            is_possible = 0 < uncompressed <= MAX_BLOB_BYTES
        else:
            _, length, blob_id = layout.unpack_from(header, position)
            uncompressed, is_possible = 0, True
        if not (is_possible and OVERHEAD <= length <= MAX_BLOB_BYTES):
            raise damaged_pack(pack_name, "its header lists a blob of an impossible length")
        entries.append(PackEntry(_TYPES[kind & 1], blob_id, offset, length, uncompressed))
        position = following
        offset += length
    return entries


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

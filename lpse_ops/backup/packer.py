"""Fills one pack after another: compress, seal, verify what was sealed, hash while it is warm.

Runs in the worker processes (data blobs) and in the main process (tree blobs).  A pack is built
in a buffer that the caller owns, so that a pack crosses to the writer without being copied.
"""

import hashlib
from typing import NamedTuple

from lpse_ops.backup.compression import Compressor
from lpse_ops.backup.crypto import OVERHEAD, Buffer, Crypter
from lpse_ops.backup.macs import open_macs
from lpse_ops.backup.pack import (
    LENGTH_BYTES,
    BlobType,
    PackEntry,
    damaged_pack,
    encode_entry,
    encode_header_length,
    parse_entries,
)

# restic's own default, a soft goal: a pack is closed once it is at least this large.
TARGET_BYTES = 16 * 1024 * 1024
# Small blobs end a pack earlier, so that a header always fits behind the last blob.
MAX_ENTRIES = 16_384
_ENTRY_BYTES = 41
_HASH_BYTES = 256 * 1024
_JUST_MADE = "a blob just compressed"
HEADER_ROOM = MAX_ENTRIES * _ENTRY_BYTES + OVERHEAD + LENGTH_BYTES


class FinishedPack(NamedTuple):
    """A pack that stands in the buffer, complete and verified."""

    id: bytes
    size_bytes: int
    entries: list[PackEntry]


def buffer_bytes(max_blob_bytes: int) -> int:
    """How large a buffer must be for packs of blobs up to this size."""
    return TARGET_BYTES + max_blob_bytes + OVERHEAD + HEADER_ROOM


class Packer:
    """Builds packs of one blob type in ``buffer``; not for sharing between threads."""

    def __init__(self, blob_type: BlobType, crypter: Crypter, compressor: Compressor) -> None:
        self._type = blob_type
        self._crypter = crypter
        self._compressor = compressor
        self._scratch = bytearray()
        self.use_buffer(memoryview(b""))

    def _reset(self) -> None:
        self._entries: list[PackEntry] = []
        self._fill = 0
        self._verified = 0
        self._hashed = 0
        self._hash = hashlib.sha256()

    def use_buffer(self, buffer: memoryview) -> None:
        """Build the next pack here; only between packs."""
        self._buffer = buffer
        self._macs = open_macs(buffer)
        self._reset()

    @property
    def is_empty(self) -> bool:
        return not self._entries

    @property
    def is_full(self) -> bool:
        return self._fill >= TARGET_BYTES or len(self._entries) >= MAX_ENTRIES

    def has_room(self, plaintext_bytes: int) -> bool:
        """Whether one more blob fits; always so for blobs the buffer was made for."""
        worst = plaintext_bytes + plaintext_bytes // 128 + 512 + OVERHEAD + HEADER_ROOM
        return self._fill + worst <= len(self._buffer)

    def take(self) -> tuple[memoryview, FinishedPack]:
        """Finish the pack and give its buffer away with it."""
        buffer = self._buffer
        pack = self.finish()
        self.use_buffer(memoryview(b""))
        return buffer[: pack.size_bytes], pack

    def add(self, blob_id: bytes, plaintext: Buffer) -> None:
        """Compress and seal one blob behind the others."""
        length = len(plaintext)
        frame = self._compressor.compress(plaintext)
        # Raw is cheaper to read back where zstd gains next to nothing (PDF, JPEG, .rhs), but
        # stock prune rewrites packs that hold raw trees.
        shrinks = self._type is BlobType.TREE or len(frame) < length - length // 32
        stored = self._seal(frame if shrinks else plaintext)
        self._entries.append(
            PackEntry(self._type, blob_id, self._fill, stored, length if shrinks else 0)
        )
        self._fill += stored

    def add_frame(self, blob_id: bytes, frame: Buffer, uncompressed_length: int) -> None:
        """Seal a blob that is compressed already."""
        stored = self._seal(frame)
        self._entries.append(
            PackEntry(self._type, blob_id, self._fill, stored, uncompressed_length)
        )
        self._fill += stored

    def _seal(self, plaintext: Buffer) -> int:
        return self._crypter.seal_into(self._buffer, self._macs, self._fill, plaintext)

    def add_sealed(self, entry: PackEntry, envelope: Buffer) -> None:
        """Take over a blob's envelope as it stands; the caller has just proved it."""
        if self._verified < len(self._entries):
            self.verify()
        fill, end = self._fill, self._fill + len(envelope)
        self._buffer[fill:end] = envelope
        self._entries.append(
            PackEntry(self._type, entry.id, fill, entry.length, entry.uncompressed_length)
        )
        self._fill = end
        self._verified = len(self._entries)
        # Not each by itself: hashing a small blob costs less than the call.
        if end - self._hashed >= _HASH_BYTES:
            self._hash_filled()

    def _hash_filled(self) -> None:
        self._hash.update(self._buffer[self._hashed : self._fill])
        self._hashed = self._fill

    def verify(self) -> None:
        """Open every blob added since the last call, as a reader will, and hash the bytes.

        zstd encoders have stored corrupt blobs before, and memory flips bits: what cannot be read
        back must never reach the disk.
        """
        new = self._entries[self._verified :]
        if not new:
            return
        largest = max(entry.length for entry in new)
        if len(self._scratch) < largest:
            self._scratch = bytearray(largest)
        spans = [(entry.offset, entry.length) for entry in new]
        opened = self._crypter.open_each(self._buffer, spans, memoryview(self._scratch))
        decompress = self._compressor.decompress
        plaintext: Buffer | None
        for entry, plaintext in zip(new, opened, strict=True):
            if plaintext is not None and entry.uncompressed_length:
                plaintext = decompress(plaintext, entry.uncompressed_length, _JUST_MADE)
            if plaintext is None or hashlib.sha256(plaintext).digest() != entry.id:
                why = "a blob read back differs; this computer's memory may fail"
                raise damaged_pack("new", why)
        self._hash_filled()
        self._verified = len(self._entries)

    def finish(self) -> FinishedPack:
        """Seal the header, verify it, and name the pack; the buffer holds it until re-used."""
        self.verify()
        self._hash_filled()
        header = b"".join(map(encode_entry, self._entries))
        sealed = self._crypter.seal(header)
        if (
            parse_entries(self._crypter.open(sealed, "a header just sealed"), "new")
            != self._entries
        ):
            raise damaged_pack("new", "its header read back differs")
        tail = sealed + encode_header_length(len(sealed))
        self._buffer[self._fill : self._fill + len(tail)] = tail
        self._hash.update(tail)
        finished = FinishedPack(self._hash.digest(), self._fill + len(tail), self._entries)
        self._reset()
        return finished

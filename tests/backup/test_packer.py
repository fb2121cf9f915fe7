"""Packs as workers and the main process build them; ``test_interop`` shows them to restic."""

import hashlib
import random

import pytest

from lpse_ops.backup.compression import Compressor
from lpse_ops.backup.crypto import Crypter
from lpse_ops.backup.pack import BlobType, PackEntry, pack_bytes
from lpse_ops.backup.packer import MAX_ENTRIES, TARGET_BYTES, FinishedPack, Packer, buffer_bytes
from lpse_ops.errors import DamagedRepository
from tests.backup.cheap_repository import KEYS
from tests.backup.packs import read_back

NOISE = random.Random(1).randbytes(1 << 20)
MIB = 1 << 20


def make_packer(
    blob_type: BlobType = BlobType.DATA, size: int = 1 * MIB
) -> tuple[Packer, bytearray]:
    packer = Packer(blob_type, Crypter(KEYS), Compressor())
    buffer = bytearray(size)
    packer.use_buffer(memoryview(buffer))
    return packer, buffer


def add(packer: Packer, *blobs: bytes) -> None:
    for blob in blobs:
        packer.add(hashlib.sha256(blob).digest(), blob)


def test_a_pack_reads_back_and_is_named_by_its_bytes() -> None:
    packer, buffer = make_packer()
    blobs = [b"text " * 1000, NOISE[:5000], b"x", b"INSERT INTO paket;\n" * 2000]
    add(packer, *blobs[:2])
    packer.verify()
    add(packer, *blobs[2:])
    pack = packer.finish()
    content = bytes(buffer[: pack.size_bytes])
    assert read_back(content) == blobs
    assert hashlib.sha256(content).digest() == pack.id
    assert pack_bytes(pack.entries) == pack.size_bytes
    assert packer.is_empty


def test_data_that_does_not_shrink_is_stored_raw_and_trees_never_are() -> None:
    assert [e.uncompressed_length for e in entries_of(BlobType.DATA, NOISE[:1000])] == [0]
    assert [e.uncompressed_length for e in entries_of(BlobType.DATA, bytes(1000))] == [1000]
    assert [e.uncompressed_length for e in entries_of(BlobType.TREE, NOISE[:1000])] == [1000]


def entries_of(blob_type: BlobType, blob: bytes) -> list[PackEntry]:
    packer, _ = make_packer(blob_type)
    add(packer, blob)
    return packer.finish().entries


def test_the_buffer_is_given_away_with_the_pack() -> None:
    packer, _ = make_packer()
    add(packer, b"some text")
    content, pack = packer.take()
    assert read_back(bytes(content)) == [b"some text"]
    assert len(content) == pack.size_bytes
    packer.use_buffer(memoryview(bytearray(buffer_bytes(10) - TARGET_BYTES)))
    add(packer, b"other text")
    assert read_back(bytes(content)) == [b"some text"]


def test_a_pack_is_full_at_its_target_size() -> None:
    packer, _ = make_packer(size=buffer_bytes(2 * MIB))
    count = 0
    while not packer.is_full:
        assert packer.has_room(2 * MIB)
        packer.add(hashlib.sha256(NOISE).digest(), NOISE)
        count += 1
    assert count == TARGET_BYTES // len(NOISE)


def test_a_pack_is_full_when_its_header_is() -> None:
    packer, _ = make_packer(size=buffer_bytes(1000))
    for number in range(MAX_ENTRIES):
        assert not packer.is_full
        add(packer, b"%d" % number)
    assert packer.is_full
    assert len(packer.finish().entries) == MAX_ENTRIES


def test_room_is_left_for_the_header() -> None:
    packer, _ = make_packer(size=buffer_bytes(100) - TARGET_BYTES)
    assert not packer.has_room(100)
    packer, _ = make_packer(size=buffer_bytes(1 << 20) - TARGET_BYTES + 20_000)
    assert packer.has_room(1 << 20)


@pytest.mark.parametrize("blob_type", BlobType)
def test_a_bit_flipped_in_memory_is_found_before_the_pack_is_written(blob_type: BlobType) -> None:
    for blob in (b"text " * 20, NOISE[:100]):
        packer, buffer = make_packer(blob_type)
        add(packer, b"an earlier blob", blob)
        size = len(bytes(buffer).rstrip(b"\0"))
        for place in range(0, size, 7):
            buffer[place] ^= 1
            with pytest.raises(DamagedRepository):
                packer.verify()
            buffer[place] ^= 1
        packer.verify()


def test_a_blob_that_is_not_what_its_id_says_is_found() -> None:
    for blob_type in BlobType:
        packer, _ = make_packer(blob_type)
        packer.add(hashlib.sha256(b"what was read").digest(), b"what came to be packed")
        with pytest.raises(DamagedRepository, match="memory may fail"):
            packer.finish()


class ForgetfulCrypter(Crypter):
    """Gives back another header than it sealed, as failing memory might."""

    def open(self, envelope: object, what: str = "") -> bytes:
        return super().open(envelope, what)[41:] if "header" in what else super().open(envelope)  # type: ignore[arg-type]


def test_a_header_that_reads_back_differently_is_found() -> None:
    packer = Packer(BlobType.DATA, ForgetfulCrypter(KEYS), Compressor())
    packer.use_buffer(memoryview(bytearray(MIB)))
    add(packer, bytes(100), bytes(200))
    with pytest.raises(DamagedRepository, match="header read back differs"):
        packer.finish()


def test_every_flipped_byte_of_a_finished_header_is_found() -> None:
    packer, buffer = make_packer()
    add(packer, b"one", bytes(100))
    pack: FinishedPack = packer.finish()
    content = bytearray(buffer[: pack.size_bytes])
    blobs_end = sum(entry.length for entry in pack.entries)
    for place in range(blobs_end, len(content)):
        content[place] ^= 0x10
        with pytest.raises(DamagedRepository):
            read_back(bytes(content))
        content[place] ^= 0x10
    assert read_back(bytes(content)) == [b"one", bytes(100)]

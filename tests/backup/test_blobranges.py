"""Blobs of a pack that lie near each other are read together, and each is proved."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lpse_ops.backup.blobranges import OpenedBlob, Range, RangeReader, plan_ranges
from lpse_ops.backup.pack import BlobType, PackEntry
from lpse_ops.backup.repository import Repository
from lpse_ops.backup.storage.backend import FileKind, file_name
from lpse_ops.backup.storage.memory import MemoryBackend
from tests.backup.repositories import RepositoryBuilder, make_repository

PACK = b"p" * 32
KIB = 1024


def entry(offset: int, length: int) -> PackEntry:
    return PackEntry(BlobType.DATA, bytes(32), offset, length, 0)


def spans(*entries: PackEntry) -> list[list[int]]:
    return [[each.offset for each in part.entries] for part in plan_ranges(PACK, entries)]


def test_near_blobs_are_joined_and_far_ones_are_not():
    assert spans(entry(200, 100), entry(0, 100), entry(100, 100)) == [[0, 100, 200]]
    assert spans(entry(0, 100), entry(100 + 64 * KIB, 100)) == [[0, 100 + 64 * KIB]]
    assert spans(entry(0, 100), entry(101 + 64 * KIB, 100)) == [[0], [101 + 64 * KIB]]


def test_a_range_stays_small_unless_a_blob_is_large():
    mib = KIB * KIB
    assert spans(*(entry(n * mib, mib) for n in range(5))) == [
        [0, mib],
        [2 * mib, 3 * mib],
        [4 * mib],
    ]
    assert spans(entry(0, 9 * mib), entry(9 * mib, 100)) == [[0], [9 * mib]]


@given(st.lists(st.tuples(st.integers(0, 1 << 24), st.integers(32, 1 << 23)), max_size=30))
def test_every_blob_is_in_exactly_one_range(places):
    entries = [entry(*place) for place in places]
    found = [each for part in plan_ranges(PACK, entries) for each in part.entries]
    assert sorted(found) == sorted(entries)


@pytest.fixture
def builder() -> RepositoryBuilder:
    return RepositoryBuilder(make_repository(MemoryBackend()))


CONTENTS = [b"text " * 300, bytes(9), b"x", hashlib.shake_256(b"s").digest(5000)]


def store(builder: RepositoryBuilder) -> tuple[bytes, list[PackEntry]]:
    for content in CONTENTS[:-1]:
        builder.blob(content)
    raw = CONTENTS[-1]
    builder.stored_blob(hashlib.sha256(raw).digest(), raw)
    builder.save()
    [pack] = builder.repository.index_packs()
    return pack


def read(repository: Repository, *ranges: Range) -> list[bytes | None]:
    def take(blob: OpenedBlob) -> bytes:
        assert repository.crypter.open(blob.envelope) == bytes(blob.content)
        return bytes(blob.plaintext)

    with RangeReader(repository, threads=2) as reader:
        return [each for _, found in reader.read(ranges, take) for each in found]


def test_raw_and_compressed_blobs_come_in_order(builder: RepositoryBuilder):
    pack = store(builder)
    assert read(builder.repository, *plan_ranges(*pack)) == CONTENTS
    one_by_one = [Range(pack[0], [each]) for each in pack[1]] * 5
    assert read(builder.repository, *one_by_one) == CONTENTS * 5


def test_a_damaged_blob_is_none_and_the_others_are_read(builder: RepositoryBuilder):
    pack_id, entries = store(builder)
    backend = builder.repository.backend
    name = file_name(FileKind.PACK, pack_id.hex())
    content = bytearray(backend.load(name))
    content[entries[1].offset + 20] ^= 1
    backend.save(name, content)
    found = read(builder.repository, *plan_ranges(pack_id, entries))
    assert found == [CONTENTS[0], None, *CONTENTS[2:]]


def test_a_blob_under_a_wrong_id_is_none(builder: RepositoryBuilder):
    builder.stored_blob(b"i" * 32, b"something else")
    builder.stored_blob(b"j" * 32, b"no zstd frame", 500)
    builder.save()
    [pack] = builder.repository.index_packs()
    assert read(builder.repository, *plan_ranges(*pack)) == [None, None]


def test_a_pack_that_is_gone_or_cut_gives_none(builder: RepositoryBuilder):
    pack_id, entries = store(builder)
    backend = builder.repository.backend
    name = file_name(FileKind.PACK, pack_id.hex())
    backend.save(name, backend.load(name)[:100])
    assert read(builder.repository, *plan_ranges(pack_id, entries)) == [None] * 4
    backend.remove(name)
    assert read(builder.repository, *plan_ranges(pack_id, entries)) == [None] * 4

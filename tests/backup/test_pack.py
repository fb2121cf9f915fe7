import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lpse_ops.backup.crypto import OVERHEAD
from lpse_ops.backup.pack import (
    MAX_BLOB_BYTES,
    MAX_HEADER_BYTES,
    BlobType,
    PackEntry,
    encode_entry,
    encode_header_length,
    header_bytes,
    pack_bytes,
    parse_entries,
    parse_header_length,
)
from lpse_ops.errors import DamagedRepository
from tests.backup.hostile import FUZZ

ID = bytes(range(32))
ENTRIES = [
    PackEntry(BlobType.DATA, ID, 0, 100, 0),
    PackEntry(BlobType.TREE, ID, 100, 32, 0),
    PackEntry(BlobType.DATA, ID, 132, 0x01020304, 0x05060708),
    PackEntry(BlobType.TREE, ID, 132 + 0x01020304, 40, 1),
]


def entries() -> st.SearchStrategy[list[PackEntry]]:
    sizes = st.tuples(st.integers(OVERHEAD, MAX_BLOB_BYTES), st.integers(0, MAX_BLOB_BYTES))
    listed = st.lists(
        st.tuples(st.sampled_from(BlobType), st.binary(min_size=32, max_size=32), sizes)
    )
    return listed.map(_place)


def _place(rows: list[tuple[BlobType, bytes, tuple[int, int]]]) -> list[PackEntry]:
    placed: list[PackEntry] = []
    offset = 0
    for blob_type, blob_id, (length, uncompressed) in rows:
        placed.append(PackEntry(blob_type, blob_id, offset, length, uncompressed))
        offset += length
    return placed


def test_golden_entries() -> None:
    encoded = [encode_entry(entry).removesuffix(ID).hex() for entry in ENTRIES]
    assert encoded == ["0064000000", "0120000000", "020403020108070605", "032800000001000000"]


@FUZZ
@given(entries())
def test_a_header_comes_back(listed: list[PackEntry]) -> None:
    header = b"".join(map(encode_entry, listed))
    assert parse_entries(header, "x") == listed
    assert header_bytes(listed) == len(header) + OVERHEAD + 4
    assert pack_bytes(iter(listed)) == sum(entry.length for entry in listed) + header_bytes(listed)


@FUZZ
@given(st.binary(max_size=200))
def test_a_forged_header_is_damage_or_possible(header: bytes) -> None:
    with contextlib.suppress(DamagedRepository):
        for entry in parse_entries(header, "x"):
            assert OVERHEAD <= entry.length <= MAX_BLOB_BYTES
            assert 0 <= entry.plaintext_length <= MAX_BLOB_BYTES


@pytest.mark.parametrize(
    "header",
    [
        b"\4" + bytes(40),
        b"\xff" + bytes(40),
        encode_entry(ENTRIES[0])[:-1],
        encode_entry(ENTRIES[2]) + b"\0",
        encode_entry(ENTRIES[0]._replace(length=OVERHEAD - 1)),
        encode_entry(ENTRIES[0]._replace(length=MAX_BLOB_BYTES + 1)),
        encode_entry(ENTRIES[2]._replace(uncompressed_length=(1 << 32) - 1)),
        b"\2" + (40).to_bytes(4, "little") + bytes(4) + ID,
    ],
)
def test_impossible_entries_are_damage(header: bytes) -> None:
    with pytest.raises(DamagedRepository, match="pack 0123456789 is damaged"):
        parse_entries(header, "0123456789abcdef")


def test_plaintext_length() -> None:
    assert [entry.plaintext_length for entry in ENTRIES] == [68, 0, 0x05060708, 1]


@pytest.mark.parametrize("length", [33, 1000, MAX_HEADER_BYTES])
def test_header_length_comes_back(length: int) -> None:
    tail = b"something before it" + encode_header_length(length)
    assert parse_header_length(tail, 1 << 30, "x") == length


@pytest.mark.parametrize(
    ("length", "pack_length"),
    [
        (0, 100),
        (32, 100),
        (97, 100),
        (MAX_HEADER_BYTES + 1, 1 << 30),
        ((1 << 32) - 1, 1 << 33),
        (50, 3),
    ],
)
def test_an_impossible_header_length_is_damage(length: int, pack_length: int) -> None:
    with pytest.raises(DamagedRepository, match="impossible length"):
        parse_header_length(encode_header_length(length), pack_length, "x")


@FUZZ
@given(st.binary(max_size=8), st.integers(0, 200))
def test_a_forged_header_length_is_damage_or_fits(tail: bytes, pack_length: int) -> None:
    with contextlib.suppress(DamagedRepository):
        assert OVERHEAD < parse_header_length(tail, pack_length, "x") <= pack_length - 4

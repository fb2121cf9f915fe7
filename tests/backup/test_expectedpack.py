"""What an index promises of a pack is what a pack of these blobs is."""

from hypothesis import given
from hypothesis import strategies as st

from lpse_ops.backup.expectedpack import ExpectedPack, expected_packs
from lpse_ops.backup.indexfile import columns_of_packs
from lpse_ops.backup.pack import BlobType, PackEntry, encode_entry, pack_bytes, parse_entries

PACK_ID = b"\x11" * 32
SIZES = st.tuples(st.integers(32, 1 << 20), st.integers(0, 1 << 20))
ROWS = st.lists(st.tuples(st.sampled_from(BlobType), st.binary(min_size=32, max_size=32), SIZES))


def place(rows: list[tuple[BlobType, bytes, tuple[int, int]]]) -> list[PackEntry]:
    offsets = [sum(sizes[0] for _, _, sizes in rows[:number]) for number in range(len(rows))]
    return [
        PackEntry(kind, blob_id, offset, *sizes)
        for offset, (kind, blob_id, sizes) in zip(offsets, rows, strict=True)
    ]


def expect(*packs: list[PackEntry]) -> list[ExpectedPack]:
    return list(expected_packs(columns_of_packs([(PACK_ID, entries) for entries in packs])))


@given(ROWS, st.randoms())
def test_blobs_may_be_listed_in_any_order(rows, chance):
    entries = place(rows)
    header = b"".join(map(encode_entry, entries))
    shuffled = list(entries)
    chance.shuffle(shuffled)
    kinds = {entry.type for entry in entries}
    (pack,) = expect(shuffled)
    assert pack == ExpectedPack(PACK_ID, header, pack_bytes(entries), len(kinds) > 1, None)
    assert parse_entries(pack.header, "x") == entries


@given(ROWS.filter(len), st.integers(0, 1000), st.integers(1, 99))
def test_a_gap_is_named_by_where_it_ends(rows, number, size):
    entries = place(rows)
    number %= len(entries)
    moved = [each._replace(offset=each.offset + size) for each in entries[number:]]
    (pack,) = expect(moved[::-1] + entries[:number])
    assert pack.gap == moved[0].offset


def test_an_overlap_is_named_by_where_it_begins():
    first, second = place([(BlobType.DATA, each * 32, (50, 40)) for each in (b"a", b"b")])
    (pack,) = expect([first, second._replace(offset=49)])
    assert pack.gap == 49


def test_each_pack_has_its_own_rows():
    first = place([(BlobType.DATA, b"a" * 32, (50, 40)), (BlobType.DATA, b"b" * 32, (60, 0))])
    second = place([(BlobType.TREE, b"c" * 32, (70, 90))])
    assert [pack.header for pack in expect(first, [], second)] == [
        b"".join(map(encode_entry, first)),
        b"",
        encode_entry(second[0]),
    ]


def test_its_name_is_what_people_see():
    (pack,) = expect([])
    assert pack.name == "pack " + "11" * 5

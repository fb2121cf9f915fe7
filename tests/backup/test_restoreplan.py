"""Which parts of packs a restore reads: pure arithmetic."""

from lpse_ops.backup.blobindex import Location
from lpse_ops.backup.pack import BlobType, PackEntry
from lpse_ops.backup.restoreplan import GAP_BYTES, RANGE_BYTES, PackRange, Window

PACK_A, PACK_B = b"a" * 32, b"b" * 32


def place(number: int, offset: int, length: int, pack: bytes = PACK_A) -> Location:
    return Location(
        pack, PackEntry(BlobType.DATA, number.to_bytes(32, "big"), offset, length, length)
    )


def ranges(*places: Location) -> list[PackRange[str]]:
    window: Window[str] = Window()
    for number, each in enumerate(places):
        window.add(each, f"use {number}")
    return window.ranges()


def spans(*places: Location) -> list[tuple[bytes, int, int]]:
    return [(each.pack_id, each.offset, each.length) for each in ranges(*places)]


def test_neighbours_are_read_together_in_the_order_of_their_offsets():
    [joined] = ranges(place(1, 300, 100), place(2, 100, 100), place(3, 200, 100))
    assert (joined.offset, joined.length) == (100, 300)
    assert [blob.entry.offset for blob in joined.blobs] == [100, 200, 300]


def test_a_small_gap_is_read_over_and_a_large_one_is_not():
    assert spans(place(1, 0, 10), place(2, 10 + GAP_BYTES, 10)) == [(PACK_A, 0, GAP_BYTES + 20)]
    assert len(spans(place(1, 0, 10), place(2, 11 + GAP_BYTES, 10))) == 2


def test_a_read_has_a_limit_and_a_large_blob_is_read_alone():
    half = RANGE_BYTES // 2
    places = [place(number, number * half, half) for number in range(4)]
    assert spans(*places) == [(PACK_A, 0, RANGE_BYTES), (PACK_A, RANGE_BYTES, RANGE_BYTES)]
    large = 3 * RANGE_BYTES
    assert spans(place(1, 0, 10), place(2, 10, large)) == [(PACK_A, 0, 10), (PACK_A, 10, large)]


def test_packs_come_in_the_order_in_which_they_were_wanted():
    found = spans(place(1, 5, 1, PACK_B), place(2, 7, 1), place(3, 0, 5, PACK_B))
    assert found == [(PACK_B, 0, 6), (PACK_A, 7, 1)]


def test_a_blob_with_several_uses_is_read_once():
    [joined] = ranges(place(1, 0, 10), place(2, 10, 10), place(1, 0, 10))
    assert [blob.uses for blob in joined.blobs] == [["use 0", "use 2"], ["use 1"]]
    window: Window[str] = Window()
    window.add(place(1, 0, 10), "x")
    window.add(place(1, 0, 10), "y")
    assert (window.stored_bytes, window.uses) == (10, 2)


def test_entries_that_overlap_are_read_once():
    """Only a forged index has them; each blob is still proved by its hash."""
    assert spans(place(1, 0, 100), place(2, 50, 20)) == [(PACK_A, 0, 100)]


def test_nothing_wanted_nothing_read():
    assert ranges() == []

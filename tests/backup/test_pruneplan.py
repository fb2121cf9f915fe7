"""What a prune decides: no blob that is needed is ever lost, whatever the packs look like."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lpse_ops.backup.blobindex import BlobIndex
from lpse_ops.backup.pack import BlobType, PackEntry, pack_bytes
from lpse_ops.backup.pruneplan import (
    NEEDED,
    SPARE,
    UNLIMITED,
    Count,
    MaxUnused,
    PackUse,
    PrunePlan,
    count_uses,
    plan_packs,
)
from lpse_ops.errors import DamagedRepository, UsageError

MIB = 1 << 20
FIVE = MaxUnused(percent=5)

Blob = tuple[BlobType, int]


def blob_id(number: int) -> bytes:
    return number.to_bytes(2, "big") * 16


def make_pack(blobs: Sequence[Blob], *, length: int = 100, raw: bool = False) -> list[PackEntry]:
    return [
        PackEntry(kind, blob_id(number), place * length, length, 0 if raw else 500)
        for place, (kind, number) in enumerate(blobs)
    ]


def make_index(packs: Sequence[list[PackEntry]]) -> BlobIndex:
    index = BlobIndex()
    for number, entries in enumerate(packs):
        index.add_pack(bytes([number]) * 32, entries)
    return index


def flags_for(index: BlobIndex, needed: set[Blob]) -> bytearray:
    flags = bytearray(len(index))
    for kind, number in needed:
        assert index.mark(flags, kind, [blob_id(number)]) == []
    return flags


def stored_sizes(packs: Sequence[list[PackEntry]]) -> dict[bytes, int]:
    return {bytes([n]) * 32: pack_bytes(entries) for n, entries in enumerate(packs)}


def use(number: int, used: int, unused: int = 0, **fields: object) -> PackUse:
    """A pack of data with so many used and unused bytes."""
    values: dict[str, object] = {"type": BlobType.DATA, "has_raw": False, **fields}
    size = used + unused + 100
    counts = Count(int(used > 0), used), Count(int(unused > 0), unused)
    return PackUse(bytes([number]) * 32, size, used=counts[0], unused=counts[1], **values)  # type: ignore[arg-type]


def plan(uses: Sequence[PackUse], max_unused: MaxUnused = FIVE, **options: object) -> PrunePlan:
    stored = {each.id: each.size_bytes for each in uses}
    return plan_packs(uses, stored, max_unused=max_unused, **options)  # type: ignore[arg-type]


def numbers(uses: Sequence[PackUse]) -> list[int]:
    return sorted(each.id[0] for each in uses)


# -- properties ----------------------------------------------------------------------------------

blobs = st.tuples(st.sampled_from(BlobType), st.integers(0, 12))
limits = st.one_of(
    st.just(UNLIMITED),
    st.floats(0, 99).map(lambda percent: MaxUnused(percent=percent)),
    st.integers(0, 2000).map(lambda size: MaxUnused(size_bytes=size)),
)


@given(
    st.lists(st.lists(blobs, max_size=8), max_size=14),
    st.data(),
    limits,
    st.one_of(st.none(), st.integers(0, 3000)),
    st.booleans(),
)
def test_no_blob_that_is_needed_is_lost(packs, data, max_unused, max_repack, raw):
    listed = [make_pack(each, raw=raw) for each in packs]
    everything = sorted({blob for each in packs for blob in each})
    needed = data.draw(st.sets(st.sampled_from(everything)) if everything else st.just(set()))
    index = make_index(listed)
    flags = flags_for(index, needed)
    uses = count_uses(index, flags)
    decided = plan_packs(
        uses,
        stored_sizes(listed) | {b"o" * 32: 7},
        max_unused=max_unused,
        max_repack_bytes=max_repack,
        repack_uncompressed=raw,
    )
    # Every pack has exactly one fate.
    fates = [*decided.keep, *decided.repack, *decided.remove, *decided.missing]
    assert sorted(each.id for each in fates) == sorted(each.id for each in uses)
    assert decided.orphans == {b"o" * 32: 7}
    # What survives: kept packs, and the chosen copies in packs that are rewritten.
    kept = {each.id for each in decided.keep}
    repacked = {each.id for each in decided.repack}
    survivors = [
        (BlobType(index.kinds[row]), index.id_at(row))
        for pack_id, rows in index.pack_rows()
        for row in rows
        if pack_id in kept or (pack_id in repacked and flags[row] == NEEDED)
    ]
    assert {(kind, blob_id(number)) for kind, number in needed} <= set(survivors)
    assert sum(each.used.blobs for each in uses) == len(needed) == flags.count(NEEDED)
    assert sum(each.duplicate.blobs for each in uses) == flags.count(SPARE)
    assert sum(each.used.blobs + each.unused.blobs for each in uses) == len(index)
    if max_repack is not None:
        assert sum(each.size_bytes for each in decided.repack) <= max_repack


@given(st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40)), max_size=12), limits)
def test_what_stays_unused_is_within_the_limit(sizes, max_unused):
    uses = [use(number, used * MIB, unused * MIB) for number, (used, unused) in enumerate(sizes)]
    decided = plan(uses, max_unused)
    left = sum(each.unused.size_bytes for each in decided.keep)
    assert left <= max_unused.bytes_allowed(sum(each.used.size_bytes for each in uses))
    # And no more is rewritten than is needed for it: the last one was.
    if decided.repack and len(uses) < 10:
        spared = min(decided.repack, key=lambda each: each.unused.size_bytes / each.size_bytes)
        over = left + spared.unused.size_bytes
        assert over > max_unused.bytes_allowed(sum(each.used.size_bytes for each in uses))


# -- cases ---------------------------------------------------------------------------------------


def test_used_packs_stay_and_unused_packs_go():
    decided = plan([use(1, MIB), use(2, 0, MIB)])
    assert (numbers(decided.keep), numbers(decided.remove)) == ([1], [2])


def test_the_most_wasteful_packs_are_rewritten_first():
    decided = plan([use(1, 9 * MIB, MIB), use(2, MIB, 9 * MIB), use(3, 90 * MIB)])
    assert (numbers(decided.keep), numbers(decided.repack)) == ([1, 3], [2])


def test_nothing_is_rewritten_beyond_the_size_allowed():
    uses = [use(1, MIB, 9 * MIB), use(2, MIB, 8 * MIB)]
    assert numbers(plan(uses, max_repack_bytes=10 * MIB + 100).repack) == [1]
    assert plan(uses, max_repack_bytes=0).repack == ()


def test_unlimited_waste_leaves_data_alone_but_not_trees_and_mixed_packs():
    uses = [
        use(1, MIB, 9 * MIB),
        use(2, MIB, MIB, type=BlobType.TREE),
        use(3, MIB, type=None),
        use(4, MIB, type=BlobType.TREE, has_raw=True),
        use(5, MIB, has_raw=True),
    ]
    assert numbers(plan(uses, UNLIMITED).repack) == [2, 3, 4]
    assert numbers(plan(uses, UNLIMITED, repack_uncompressed=True).repack) == [2, 3, 4, 5]


@pytest.mark.parametrize(("count", "repacked"), [(9, 0), (10, 10)])
def test_many_small_packs_are_merged(count: int, repacked: int):
    decided = plan([use(number, 1000) for number in range(count)])
    assert len(decided.repack) == repacked


def test_a_pack_that_is_needed_must_be_there():
    with pytest.raises(DamagedRepository, match="pack 0101010101 is missing") as caught:
        plan_packs([use(1, MIB)], {}, max_unused=FIVE)
    assert "repair index" in caught.value.hint


def test_a_pack_that_is_needed_must_have_its_size():
    one = use(1, MIB)
    with pytest.raises(DamagedRepository, match=f"{one.size_bytes - 1} bytes instead of") as caught:
        plan_packs([one], {one.id: one.size_bytes - 1}, max_unused=FIVE)
    assert "repair packs" in caught.value.hint


def test_a_copy_elsewhere_does_not_excuse_a_damaged_pack():
    packs = [make_pack([(BlobType.DATA, 1), (BlobType.DATA, 2)]), make_pack([(BlobType.DATA, 1)])]
    index = make_index(packs)
    stored = stored_sizes(packs)
    del stored[bytes([1]) * 32]
    uses = count_uses(index, flags_for(index, {(BlobType.DATA, 1), (BlobType.DATA, 2)}))
    with pytest.raises(DamagedRepository, match="missing"):
        plan_packs(uses, stored, max_unused=FIVE)


def test_packs_that_nobody_needs_may_be_missing_or_damaged():
    gone, cut = use(1, 0, MIB), use(2, 0, MIB)
    decided = plan_packs([gone, cut], {cut.id: 5}, max_unused=FIVE)
    assert (numbers(decided.missing), numbers(decided.remove)) == ([1], [2])


def test_the_pack_of_an_earlier_prune_is_kept_and_its_sources_go():
    """A prune that was stopped before it removed the old indexes: new packs hold only copies."""
    old = make_pack([(BlobType.DATA, 1), (BlobType.DATA, 9)])
    new = make_pack([(BlobType.DATA, 1), (BlobType.DATA, 2)])
    index = make_index([old, make_pack([(BlobType.DATA, 2), (BlobType.DATA, 8)]), new])
    flags = flags_for(index, {(BlobType.DATA, 1), (BlobType.DATA, 2)})
    assert [each.used.blobs for each in count_uses(index, flags)] == [0, 0, 2]


def test_a_blob_of_data_and_a_tree_of_the_same_id_are_two():
    index = make_index([make_pack([(BlobType.DATA, 1)]), make_pack([(BlobType.TREE, 1)])])
    uses = count_uses(index, flags_for(index, {(BlobType.TREE, 1)}))
    assert [(each.used.blobs, each.duplicate.blobs) for each in uses] == [(0, 0), (1, 0)]


@pytest.mark.parametrize("percent", [-1, 100, 250])
def test_percentages_that_make_no_sense(percent: int):
    with pytest.raises(UsageError, match="unused"):
        MaxUnused(percent=percent)

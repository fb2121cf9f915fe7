import pytest
from hypothesis import given
from hypothesis import strategies as st

from lpse_ops.backup.packrows import PackRows
from tests.backup.hostile import FUZZ

IDS = [bytes([number]) * 32 for number in range(4)]


def test_a_pack_keeps_its_number() -> None:
    packs = PackRows()
    assert [packs.number_of(IDS[number]) for number in (2, 0, 2, 1, 0)] == [0, 1, 0, 2, 1]
    assert packs.ids == [IDS[2], IDS[0], IDS[1]]
    assert packs.knows_any({IDS[1], IDS[3]})
    assert not packs.knows_any({IDS[3]})


def test_rows_that_follow_each_other_are_a_range() -> None:
    packs = PackRows()
    packs.give_run(packs.number_of(IDS[0]), 5, 3)
    packs.give_row(0, 8)
    for row in (9, 10):
        packs.give_row(packs.number_of(IDS[1]), row)
    assert dict(packs) == {IDS[0]: range(5, 9), IDS[1]: range(9, 11)}


@FUZZ
@given(st.lists(st.sampled_from(IDS), max_size=20))
def test_every_row_belongs_to_the_pack_it_was_given(owners: list[bytes]) -> None:
    packs = PackRows()
    for row, pack_id in enumerate(owners):
        packs.give_row(packs.number_of(pack_id), row)
    assert {pack_id: sorted(rows) for pack_id, rows in packs} == {
        pack_id: [row for row, owner in enumerate(owners) if owner == pack_id]
        for pack_id in packs.ids
    }
    assert packs.ids == list(dict.fromkeys(owners))
    for pack_id, rows in packs:
        assert packs.rows_of(pack_id) == rows


def test_a_pack_that_was_never_named_has_no_rows() -> None:
    with pytest.raises(KeyError):
        PackRows().rows_of(IDS[0])

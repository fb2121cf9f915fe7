import hashlib
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lpse_ops.backup.chunker import MAX_BYTES, MIN_BYTES, chunk_lengths
from tests.backup.hostile import FUZZ

NOISE = hashlib.shake_256(b"restic-chunker").digest(12 << 20)
# fmt: off
GOLDEN = [
    755326, 1821782, 801843, 1077260, 1295517, 827212, 1064415, 2110479, 897287, 549568, 1382223,
]
# fmt: on


def test_cut_points_stay_where_they_are() -> None:
    """Other cut points would store every large file anew after an upgrade of the library."""
    assert chunk_lengths(memoryview(NOISE)) == GOLDEN


@pytest.mark.parametrize("size", [1, MIN_BYTES - 1, MIN_BYTES])
def test_a_small_file_is_one_chunk(size: int) -> None:
    assert chunk_lengths(memoryview(NOISE)[:size]) == [size]


def test_an_empty_file_has_no_chunk() -> None:
    assert chunk_lengths(memoryview(b"")) == []


@FUZZ
@given(st.integers(MIN_BYTES + 1, len(NOISE)), st.integers(0, 1000))
def test_chunks_add_up_and_keep_their_bounds(size: int, start: int) -> None:
    lengths = chunk_lengths(memoryview(NOISE)[start : start + size])
    assert sum(lengths) == min(size, len(NOISE) - start)
    assert all(MIN_BYTES <= length <= MAX_BYTES for length in lengths[:-1])
    assert 0 < lengths[-1] <= MAX_BYTES


def test_what_repeats_is_cut_at_the_largest_size() -> None:
    assert set(chunk_lengths(memoryview(bytes(3 * MAX_BYTES)))) == {MAX_BYTES}


def test_bytes_inserted_in_front_leave_most_chunks_as_they_were() -> None:
    moved = random.Random(1).randbytes(1000) + NOISE
    common = chunks(NOISE) & chunks(moved)
    assert len(common) >= len(chunks(NOISE)) - 2


def chunks(content: bytes) -> set[bytes]:
    found = set()
    start = 0
    for length in chunk_lengths(memoryview(content)):
        found.add(hashlib.sha256(content[start : start + length]).digest())
        start += length
    return found

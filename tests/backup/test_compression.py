import random
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from lpse_ops.backup.compression import Compressor
from lpse_ops.errors import DamagedRepository
from tests.backup.hostile import FUZZ

MAGIC = b"\x28\xb5\x2f\xfd"
MIB = 1 << 20
LIMIT = 128 * MIB
WITHOUT_SIZE = zstandard.ZstdCompressor(write_content_size=False)


@contextmanager
def memory_below(limit: int) -> Iterator[None]:
    tracemalloc.start()
    try:
        yield
        assert tracemalloc.get_traced_memory()[1] < limit
    finally:
        tracemalloc.stop()


def bomb(megabytes: int) -> bytes:
    writer = WITHOUT_SIZE.compressobj()
    return b"".join(writer.compress(bytes(MIB)) for _ in range(megabytes)) + writer.flush()


@FUZZ
@given(st.binary(max_size=1000), st.integers(1, 50))
def test_round_trip(piece: bytes, times: int) -> None:
    compressor = Compressor()
    frame = compressor.compress(piece * times)
    assert compressor.decompress(frame, len(piece) * times, "x") == piece * times
    assert compressor.decompress_at_most(memoryview(frame), LIMIT, "x") == piece * times


def test_the_frame_says_the_size_of_its_content() -> None:
    assert zstandard.frame_content_size(Compressor().compress(b"x" * 1234)) == 1234


def test_frames_of_other_writers_need_not_say_their_size() -> None:
    compressor = Compressor()
    frame = WITHOUT_SIZE.compress(b"one ") + WITHOUT_SIZE.compress(b"two")
    assert compressor.decompress_at_most(frame, LIMIT, "x") == b"one two"
    assert compressor.decompress(WITHOUT_SIZE.compress(b"abc"), 3, "x") == b"abc"


@pytest.mark.parametrize("length", [0, 3, 5, 1 << 30])
def test_another_length_than_recorded_is_damage(length: int) -> None:
    compressor = Compressor()
    for frame in (compressor.compress(b"four"), WITHOUT_SIZE.compress(b"four")):
        with pytest.raises(DamagedRepository, match="blob 1 is damaged"):
            compressor.decompress(frame, length, "blob 1")


def test_a_changed_frame_is_damage() -> None:
    compressor = Compressor()
    frame = compressor.compress(b"some text")
    for changed in (frame[:-1], frame + b"x", frame[1:], frame * 2, b""):
        with pytest.raises(DamagedRepository):
            compressor.decompress(changed, 9, "x")


def test_a_bomb_without_a_size_stops_at_the_recorded_length() -> None:
    frame = bomb(128)
    assert len(frame) < MIB
    with memory_below(8 * MIB), pytest.raises(DamagedRepository):
        Compressor().decompress(frame, 1000, "x")


def test_a_bomb_with_its_size_stops_at_the_recorded_length() -> None:
    frame = Compressor().compress(bytes(32 * MIB))
    with memory_below(8 * MIB), pytest.raises(DamagedRepository):
        Compressor().decompress(frame, 1000, "x")


def test_a_bomb_stops_at_the_most_that_is_allowed() -> None:
    for frame in (bomb(64), Compressor().compress(bytes(64 * MIB))):
        with memory_below(8 * MIB), pytest.raises(DamagedRepository):
            Compressor().decompress_at_most(frame, 1000, "x")


@pytest.mark.parametrize("window", [0, 0x70, 0xA8, 0xFF])
@pytest.mark.parametrize("size", [1 << 40, 1 << 60, (1 << 64) - 3, (1 << 64) - 1])
def test_a_claimed_size_takes_no_memory(window: int, size: int) -> None:
    rest = b"\x01\x00\x00"  # one empty block, the last
    frame = MAGIC + bytes([0xC0, window]) + size.to_bytes(8, "little") + rest
    single = MAGIC + bytes([0xE0]) + size.to_bytes(8, "little") + rest
    for hostile in (frame, single):
        with memory_below(8 * MIB), pytest.raises(DamagedRepository):
            Compressor().decompress(hostile, 100, "x")
        with memory_below(8 * MIB), suppress(DamagedRepository):
            assert Compressor().decompress_at_most(hostile, LIMIT, "x") == b""


@FUZZ
@given(st.one_of(st.binary(max_size=60), st.binary(max_size=60).map(lambda tail: MAGIC + tail)))
def test_noise_is_damage_or_a_small_frame(noise: bytes) -> None:
    with suppress(DamagedRepository):
        assert len(Compressor().decompress_at_most(noise, LIMIT, "x")) < 1 << 24


@pytest.mark.parametrize("size", [1, 1000, 3 << 20])
def test_what_a_frame_holds_is_compared_piece_by_piece(size: int):
    compressor = Compressor()
    content = random.Random(size).randbytes(size)
    frame = compressor.compress(content)
    assert compressor.holds(frame, content)
    assert not compressor.holds(frame, content + b"x")
    assert not compressor.holds(frame, content[:-1])
    assert not compressor.holds(frame, content[:-1] + bytes([content[-1] ^ 1]))
    assert not compressor.holds(frame[:-1], content)
    assert not compressor.holds(b"no frame at all", content)

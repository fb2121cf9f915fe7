"""Large pieces past the page cache: every byte in its place, whatever does not fit a block."""

import os
from itertools import pairwise
from pathlib import Path

import pytest

from lpse_ops.backup.restoredirect import DirectWriter, open_direct

MIB = 1 << 20
CONTENT = os.urandom(9 * MIB + 100)


@pytest.mark.parametrize("offset", [0, 1, 4095, 4096, 12_345])
@pytest.mark.parametrize("size", [0, 1, 4095, 4096, 8192 + 7, 4 * MIB, 9 * MIB + 100])
def test_all_is_written_and_nothing_else(tmp_path: Path, offset: int, size: int):
    before = b"\xff" * (len(CONTENT) + 20_000)
    (tmp_path / "f").write_bytes(before)
    descriptor = os.open(tmp_path / "f", os.O_RDWR)
    direct = open_direct(descriptor)
    assert direct >= 0, "the tests' file system must take direct writes"
    DirectWriter().write(descriptor, direct, CONTENT[:size], offset)
    os.close(direct)
    os.close(descriptor)
    expected = before[:offset] + CONTENT[:size] + before[offset + size :]
    assert (tmp_path / "f").read_bytes() == expected


def test_pieces_in_any_order_join_inside_a_block(tmp_path: Path):
    cuts = [0, MIB + 1, MIB + 2, 3 * MIB - 5, len(CONTENT)]
    descriptor = os.open(tmp_path / "f", os.O_RDWR | os.O_CREAT)
    direct, writer = open_direct(descriptor), DirectWriter()
    for start, end in reversed(list(pairwise(cuts))):
        writer.write(descriptor, direct, CONTENT[start:end], start)
    os.close(direct)
    os.close(descriptor)
    assert (tmp_path / "f").read_bytes() == CONTENT


def test_what_the_disk_refuses_goes_the_ordinary_way(tmp_path: Path):
    descriptor = os.open(tmp_path / "f", os.O_RDWR | os.O_CREAT)
    # What answers every write with EINVAL, as a disk with larger blocks does.
    refusing = os.open("/proc/self/oom_score_adj", os.O_RDWR)
    DirectWriter().write(descriptor, refusing, CONTENT, 7)
    os.close(refusing)
    os.close(descriptor)
    assert (tmp_path / "f").read_bytes() == bytes(7) + CONTENT


def test_where_there_is_no_direct_access_none_is_tried():
    reading, writing = os.pipe()
    os.close(writing)
    assert open_direct(reading) == -1
    os.close(reading)

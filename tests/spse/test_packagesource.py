"""The open file under everything, and the meter beside it."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from lpse_ops.spse.packageentry import BadArchive, show_name
from lpse_ops.spse.packagelimits import Limits, Meter
from lpse_ops.spse.packagesource import Source
from lpse_ops.spse.zipmembers import read_zip
from tests.spse.archives import good_zip, write


@pytest.fixture
def descriptor(tmp_path: Path) -> Iterator[int]:
    opened = os.open(write(tmp_path, good_zip()), os.O_RDWR)
    yield opened
    os.close(opened)


def test_what_is_not_there_cannot_be_taken(descriptor: int):
    source = Source(descriptor, 10)
    assert source.take(4) == b"PK\3\4"
    with pytest.raises(BadArchive, match="cut off"):
        source.take(7)


def test_what_nobody_read_belongs_to_nothing(descriptor: int):
    source = Source(descriptor, 10)
    source.take(7)
    with pytest.raises(BadArchive, match="3 bytes of it belong to nothing"):
        source.sha256()


def test_a_directory_that_changes_meanwhile_is_refused(descriptor: int):
    size = os.fstat(descriptor).st_size
    members = read_zip(Source(descriptor, size))
    next(members)
    os.pwrite(descriptor, b"\x41", size - 30)
    with pytest.raises(BadArchive, match="changed while it was read"):
        list(members)


def test_what_comes_out_is_counted_whatever_was_declared():
    meter = Meter(Limits(entry_bytes=10, total_bytes=15), 1000)
    meter.check_declared("a", 10)
    meter.add("a", 10, 10)
    with pytest.raises(BadArchive, match="'b' unpacks it to more than 15 bytes"):
        meter.add("b", 6, 6)
    with pytest.raises(BadArchive, match="is larger than 10 bytes"):
        meter.add("c", 11, 0)


def test_names_are_shown_in_one_short_line():
    assert show_name("a\n\x1b\u202e") == r"'a\n\x1b\u202e'"
    assert show_name(b"\xff") == r"'\udcff'"
    assert len(show_name("x" * 5000)) == 100

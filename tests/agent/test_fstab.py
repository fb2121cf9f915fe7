"""Lines of a file system table: what is found in them and what they become."""

import pytest

from lpse_ops.agent.fstab import (
    Entry,
    escape,
    parse_entry,
    plan_entry,
    plan_no_entry,
    unescape,
)
from lpse_ops.agent.textlines import split_lines

LINES = split_lines(
    "# by hand\n/dev/a  /data\\040of\\040us  ext4  ro\n/swap1 none swap sw 0 0\n"
    "/swap2 none swap sw 0 0\n/dev/b /b ext4 ro 0 0 and more"
)


@pytest.mark.parametrize("text", ["a b", "a\tb\nc", "\\040", "a\\b", "//s/a&b", "é\udcff"])
def test_a_field_comes_back(text):
    assert unescape(escape(text)) == text
    assert not set(escape(text)) & set(" \t\n")


def test_what_is_an_entry():
    assert parse_entry(LINES[1]) == Entry("/dev/a", r"/data\040of\040us", "ext4", "ro", "0", "0")
    assert [parse_entry(line) is None for line in LINES] == [True, False, False, False, True]


def test_only_the_line_of_the_mount_point_changes():
    entry = Entry("/dev/a", escape("/data of us"), "ext4", "rw")
    planned = plan_entry(LINES, entry)
    assert planned == [LINES[0], entry.render(), *LINES[2:]]
    assert plan_entry(planned, entry) == planned


def test_swap_space_is_told_by_its_source():
    entry = Entry("/swap2", "none", "swap", "pri=1")
    assert plan_entry(LINES, entry) == [*LINES[:3], entry.render(), LINES[4]]
    assert plan_no_entry(LINES, "none", "/swap1") == [*LINES[:2], *LINES[3:]]


def test_an_entry_goes():
    assert plan_no_entry(LINES, "/data of us", None) == [LINES[0], *LINES[2:]]
    assert plan_no_entry(LINES, "/b", None) == LINES


def test_a_comment_at_the_end_of_an_entry_stays_with_it():
    lines = ["/dev/c /c#1 xfs ro  # of Sari\n"]
    entry = Entry("/dev/c", "/c#1", "xfs", "ro")
    assert parse_entry(lines[0]) == entry
    assert plan_entry(lines, entry) == lines
    assert plan_entry(lines, entry._replace(options="rw")) == [
        "/dev/c /c#1 xfs rw 0 0  # of Sari\n"
    ]
    assert plan_no_entry(lines, "/c#1", None) == []

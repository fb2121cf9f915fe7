from datetime import date

import pytest

from lpse_ops.documents.numbering import (
    check_number,
    check_pattern,
    next_number,
    render_number,
)
from lpse_ops.errors import SettingsError, UsageError

DAY = date(2026, 11, 22)


@pytest.mark.parametrize(
    ("pattern", "number"),
    [
        ("{seq:03d}/LPSE.Contohkab/{ROMAN}/{YYYY}", "007/LPSE.Contohkab/XI/2026"),
        ("555.3/{seq:03d}/PBJ/{ROMAN}/{YYYY}", "555.3/007/PBJ/XI/2026"),
        ("027/{seq:02d}/PBJ/{ROMAN}/{YYYY}", "027/07/PBJ/XI/2026"),
        ("602.1/ {seq} /{ROMAN}/{YYYY}/LPSE", "602.1/ 7 /XI/2026/LPSE"),
        ("{seq:3d}-{MM}-{YYYY}", "007-11-2026"),
    ],
)
def test_patterns_that_are_in_use(pattern, number):
    check_pattern(pattern)
    assert render_number(pattern, 7, DAY) == number


def test_a_number_longer_than_its_field_is_whole():
    assert render_number("{seq:02d}/{YYYY}", 1234, DAY) == "1234/2026"


@pytest.mark.parametrize(
    ("pattern", "said"),
    [
        ("{seq}/LPSE", "must hold {YYYY}"),
        ("LPSE/{YYYY}", "must hold {seq}"),
        ("{seq}/{YYYY}/{BULAN}", "not '{BULAN}'"),
        ("{seq.__class__}/{YYYY}", "not '{seq.__class__}'"),
        ("{seq:099999999d}/{YYYY}", "not '{seq:099999999d}'"),
        ("{seq!r}/{YYYY}", "not '{seq!r}'"),
        ("{seq}/{YYYY}}", "not '}'"),
        ("{{seq}}/{YYYY}", "not '{'"),
        ("{seq}/{YYYY}\n", "one line"),
        ("{seq}/{YYYY}" + "x" * 100, "at most 80"),
    ],
)
def test_patterns_that_cannot_number_papers(pattern, said):
    with pytest.raises(SettingsError) as caught:
        check_pattern(pattern)
    assert said in caught.value.message
    assert "{seq:03d}" in caught.value.hint


def test_the_next_number_is_one_that_nobody_has():
    pattern = "{seq:03d}/{YYYY}"
    assert next_number(pattern, DAY, [], []) == (1, "001/2026")
    assert next_number(pattern, DAY, [1, 5, 2], []) == (6, "006/2026")
    assert next_number(pattern, DAY, [1], ["002/2026", "003/2026"]) == (4, "004/2026")


@pytest.mark.parametrize("number", ["", "   ", "\n", "...", "\x00", "-/-"])
def test_a_blank_number_is_refused(number):
    with pytest.raises(UsageError) as caught:
        check_number(number)
    assert "blank" in caught.value.message
    assert "--paper-number" in caught.value.hint


@pytest.mark.parametrize("number", ["1/\x1b[31m", "x" * 81, "1/\N{RIGHT-TO-LEFT OVERRIDE}a"])
def test_a_number_that_would_not_be_seen_as_it_is_is_refused(number):
    with pytest.raises(UsageError, match="one line of at most 80"):
        check_number(number)


def test_blanks_around_a_number_do_not_count():
    assert check_number("  602.1/ 7 /XI/2026 ") == "602.1/ 7 /XI/2026"

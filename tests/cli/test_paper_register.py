from dataclasses import replace
from datetime import date

import pytest

from lpse_ops.cli.paper_register import Issued, choose_number, read_issued
from lpse_ops.errors import UsageError

PATTERN = "{seq:03d}/{YYYY}"
DAY = date(2026, 11, 22)
FIRST = Issued("restore-minutes", "001/2026", 1, 2026, "a" * 64, "pdf", "f" * 64)


def test_what_is_put_into_the_ledger_is_read_back():
    given = replace(FIRST, sequence=None)
    assert read_issued([FIRST.facts(), given.facts()]) == [FIRST, given]


def test_facts_of_another_version_are_no_error():
    (issued,) = read_issued([{"number": "1", "sequence": "many", "more": 1}])
    assert (issued.number, issued.sequence, issued.year) == ("1", None, 0)


@pytest.mark.parametrize(
    ("given", "report", "chosen"),
    [
        (None, "a", (1, "001/2026")),
        (None, "b", (2, "002/2026")),
        ("9/X", "b", (None, "9/X")),
        # A number that was wrong is corrected by giving the right one.
        ("9/X", "a", (None, "9/X")),
        ("001/2026", "a", (None, "001/2026")),
    ],
)
def test_the_number_of_a_report(given, report, chosen):
    assert choose_number(given, PATTERN, DAY, report * 64, [FIRST]) == chosen


def test_the_last_number_of_a_report_counts():
    issued = [FIRST, replace(FIRST, number="9/X", sequence=None)]
    assert choose_number(None, PATTERN, DAY, "a" * 64, issued) == (None, "9/X")
    # The number that was given up is not given to anybody else.
    assert choose_number(None, PATTERN, DAY, "b" * 64, issued) == (2, "002/2026")


def test_a_new_year_begins_at_one():
    day = date(2027, 1, 2)
    assert choose_number(None, PATTERN, day, "b" * 64, [FIRST]) == (1, "001/2027")


@pytest.mark.parametrize(
    ("given", "pattern", "said"),
    [
        ("001/2026", PATTERN, "is that of another paper"),
        (" 001/2026 ", PATTERN, "is that of another paper"),
        ("", PATTERN, "blank"),
        (None, None, "has no number"),
    ],
)
def test_no_number_is_given_twice_or_left_blank(given, pattern, said):
    with pytest.raises(UsageError) as caught:
        choose_number(given, pattern, DAY, "b" * 64, [FIRST])
    assert said in caught.value.message

"""Keywords that are true or false."""

import pytest

from lpse_ops.errors import PlaybookError
from lpse_ops.marked import Map
from lpse_ops.playbook.flags import as_flag, as_number, as_timeout, as_whole, given, inherited
from lpse_ops.playbook.model import Keywords
from lpse_ops.templating.markers import OMIT


@pytest.mark.parametrize("value", [True, "yes", "on", "true", 1, "1"])
def test_yes(value: object):
    assert as_flag("diff", value)


@pytest.mark.parametrize("value", [False, "no", "off", "false", 0, "0"])
def test_no(value: object):
    assert not as_flag("diff", value, default=True)


@pytest.mark.parametrize("value", [None, ""])
def test_nothing_is_the_default(value: object):
    assert as_flag("diff", value, default=True)
    assert not as_flag("diff", value)


@pytest.mark.parametrize("value", ["yes.", 7, ["yes"]])
def test_what_is_neither_names_the_keyword(value: object):
    with pytest.raises(PlaybookError, match=r"keyword 'diff': The value .* to 'bool'") as refused:
        as_flag("diff", value)
    assert "diff: true" in refused.value.hint


def test_a_keyword_that_is_left_out_has_no_value():
    assert given(OMIT) is None
    assert given(0) == 0


@pytest.mark.parametrize(
    ("value", "number"), [(None, 7), ("", 7), ("1.5", 1.5), (2, 2), ("1e3", 1000)]
)
def test_numbers(value: object, number: float):
    assert as_number("delay", value, default=7) == number


@pytest.mark.parametrize("value", ["soon", True, "nan", "inf", [], 10**400])
def test_what_is_no_number_is_refused(value: object):
    with pytest.raises(PlaybookError, match=r"keyword 'delay': The value .* to 'float'"):
        as_number("delay", value)


@pytest.mark.parametrize(("value", "number"), [(None, 3), ("", 3), ("10", 10), (2.0, 2), (-1, -1)])
def test_whole_numbers(value: object, number: int):
    assert as_whole("retries", value, default=3) == number


@pytest.mark.parametrize("value", ["soon", "1.5", 1.5, []])
def test_what_is_no_whole_number_is_refused(value: object):
    with pytest.raises(PlaybookError, match=r"keyword 'retries': The value .* to 'int'") as refused:
        as_whole("retries", value)
    assert "retries:" in refused.value.hint


@pytest.mark.parametrize(
    ("value", "default", "seconds"),
    [
        (None, None, None),
        (None, 0, None),
        (None, 30, 30),
        ("", 30, 30),
        ("10", 30, 10),
        # Written, it is for as long as the task wants, whatever the settings say.
        (0, 30, None),
        (100_000_000, None, 100_000_000),
    ],
)
def test_the_time_a_task_may_take(value: object, default: float | None, seconds: float | None):
    assert as_timeout(value, default) == seconds


@pytest.mark.parametrize("value", [-1, 100_000_001])
def test_a_time_out_of_bounds_is_refused(value: int):
    words = f"Timeout {value} is invalid, it must be between 0 and 100000000."
    with pytest.raises(PlaybookError, match=words):
        as_timeout(value, None)


@pytest.mark.parametrize(
    ("task", "block", "value"),
    [
        ({"become": "no"}, {}, "no"),
        ({"become": OMIT}, {}, "yes"),
        ({"become": OMIT}, {"become": OMIT}, "yes"),
        ({"become": OMIT}, {"become": "no"}, "no"),
        ({}, {"become": OMIT}, "yes"),
    ],
)
def test_what_is_omitted_is_said_by_what_is_around(task, block, value):
    play = Keywords(Map({"become": "yes"}), None, "play")
    keywords = Keywords(Map(task), Keywords(Map(block), play, "block"))
    assert inherited(lambda written: written, keywords, "become") == value
    assert inherited(lambda written: written, keywords, "diff") is None

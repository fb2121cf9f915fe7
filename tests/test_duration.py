from datetime import timedelta

import pytest

from lpse_ops.duration import parse_duration


@pytest.mark.parametrize(
    ("text", "duration"),
    [
        ("90s", timedelta(seconds=90)),
        ("15m", timedelta(minutes=15)),
        ("8h", timedelta(hours=8)),
        ("1h30m", timedelta(hours=1, minutes=30)),
        ("2d", timedelta(days=2)),
        ("1w", timedelta(weeks=1)),
    ],
)
def test_durations(text, duration):
    assert parse_duration(text) == duration


@pytest.mark.parametrize("text", ["", "8", "h", "-8h", "8 h", "1.5h", "8hours", "٣h"])
def test_what_is_no_duration_is_refused(text):
    with pytest.raises(ValueError, match="is not a duration such as 15m"):
        parse_duration(text)


@pytest.mark.parametrize("text", ["9999999999w", "999999999d999999999d"])
def test_a_duration_without_end_is_refused(text):
    with pytest.raises(ValueError, match="longer than any clock runs"):
        parse_duration(text)

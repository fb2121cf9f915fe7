"""Facts become plain text and numbers, and fit into a line."""

from datetime import UTC, datetime

import pytest

from lpse_ops.ledgerfacts import plain_facts, shorten_facts, time_text

NOON = datetime(2026, 3, 9, 12, tzinfo=UTC)


def test_facts_become_plain_at_every_depth():
    facts = {"a": {"b": (NOON, "caf\udce9", 1, None, True)}}
    assert plain_facts(facts) == {
        "a": {"b": ["2026-03-09T12:00:00+00:00", "caf\\udce9", 1, None, True]}
    }


def test_a_time_without_a_zone_says_nothing():
    with pytest.raises(ValueError, match="without a zone"):
        time_text(datetime(2026, 3, 9))


def test_what_is_too_long_is_cut_at_every_depth_and_that_is_said():
    facts = {"list": [["x" * 5000] * 200] * 200, "map": dict.fromkeys(map(str, range(200)), 1)}
    short = shorten_facts(facts)
    assert short["shortened"] is True
    assert [len(short["list"]), len(short["list"][0]), len(short["map"])] == [100, 100, 100]
    assert short["list"][0][0] == "x" * 2000


def test_short_facts_stay_as_they_are():
    assert shorten_facts({"a": [1], "b": "x"}) == {"a": [1], "b": "x", "shortened": True}

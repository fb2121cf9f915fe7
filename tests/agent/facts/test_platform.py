import time
from datetime import UTC, datetime

import pytest

from lpse_ops.agent.facts.platform import describe_time, normal_architecture, read_fqdn


@pytest.mark.parametrize(("machine", "name"), [("i686", "i386"), ("aarch64", "aarch64")])
def test_architecture(machine, name):
    assert normal_architecture(machine) == name


def test_a_moment_in_the_time_zone_of_the_host(monkeypatch):
    monkeypatch.setenv("TZ", "Asia/Makassar")
    time.tzset()
    try:
        facts = describe_time(datetime(2026, 1, 4, 18, 5, 6, 789, tzinfo=UTC))
    finally:
        monkeypatch.undo()
        time.tzset()
    assert (facts["date"], facts["time"]) == ("2026-01-05", "02:05:06")
    assert (facts["weekday"], facts["weekday_number"], facts["tz"]) == ("Monday", "1", "WITA")
    assert (facts["tz_offset"], facts["epoch"]) == ("+0800", "1767549906")
    assert facts["iso8601_micro"] == "2026-01-04T18:05:06.000789Z"
    assert facts["iso8601_basic_short"] == "20260105T020506"


def test_a_resolver_answers_or_not():
    assert read_fqdn("short", lambda: "short.example.id") == "short.example.id"
    assert read_fqdn("short", lambda: time.sleep(5) or "late", patience_seconds=0.05) == "short"

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from lpse_ops.clock import Clock, SystemClock, parse_zone, zone_names
from tests.fakes import FixedClock

NOON = datetime(2026, 11, 21, 12, tzinfo=ZoneInfo("Asia/Makassar"))


@pytest.mark.parametrize("clock", [SystemClock(), SystemClock(UTC), FixedClock(NOON)])
def test_every_clock_gives_an_aware_time_that_never_runs_back(clock: Clock):
    first, second = clock.now(), clock.now()
    assert first.utcoffset() is not None
    assert first <= second


def test_the_system_clock_reads_the_present_in_its_zone():
    now = SystemClock(ZoneInfo("Asia/Makassar")).now()
    assert abs(datetime.now(UTC) - now) < timedelta(minutes=1)
    assert now.utcoffset() == timedelta(hours=8)


def test_a_fixed_clock_moves_when_told():
    clock = FixedClock(NOON)
    clock.advance(timedelta(hours=2))
    assert clock.now().hour == 14


@pytest.mark.parametrize(
    ("name", "zone", "abbreviation"),
    [
        ("WIB", "Asia/Jakarta", "WIB"),
        ("wita", "Asia/Makassar", "WITA"),
        ("WIT", "Asia/Jayapura", "WIT"),
        ("Asia/Pontianak", "Asia/Pontianak", "WIB"),
    ],
)
def test_zones_are_found_by_both_kinds_of_names(name, zone, abbreviation):
    found = parse_zone(name)
    assert found.key == zone
    assert datetime(2026, 1, 1, tzinfo=found).tzname() == abbreviation


@pytest.mark.parametrize(
    "name", ["", "Asia", "Asia/Atlantis", "../../etc/passwd", "/etc/localtime", "x" * 5000, "a\0b"]
)
def test_what_is_no_zone_is_refused(name):
    with pytest.raises(ValueError, match="is not a time zone"):
        parse_zone(name)


def test_the_names_hold_the_indonesian_ones():
    assert {"WITA", "Asia/Makassar"} <= set(zone_names())

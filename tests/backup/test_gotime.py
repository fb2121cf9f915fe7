import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lpse_ops.backup.gotime import (
    format_datetime,
    format_ns,
    parse_datetime,
    parse_ns,
    refuse_malformed,
    to_datetime,
)
from tests.backup.hostile import FUZZ

SECOND = 1_000_000_000
SHOW = """
import sys
from lpse_ops.backup.gotime import format_ns
print(*map(format_ns, map(int, sys.argv[1:])))
"""


def format_in(zone: str, *moments: int) -> list[str]:
    """``format_ns`` in a process of another time zone: the C library reads TZ once."""
    argv = [sys.executable, "-c", SHOW, *map(str, moments)]
    done = subprocess.run(argv, env={**os.environ, "TZ": zone}, capture_output=True, check=True)
    return done.stdout.decode().split()


@contextmanager
def zone_of_this_process(zone: str) -> Iterator[None]:
    """Formatted seconds are remembered: each second may be asked in one zone only."""
    before = os.environ.get("TZ")
    os.environ["TZ"] = zone
    time.tzset()
    try:
        yield
    finally:
        os.environ.pop("TZ")
        if before is not None:
            os.environ["TZ"] = before
        time.tzset()


@pytest.mark.parametrize(
    ("zone", "expected"),
    [
        ("UTC", "2023-11-14T22:13:20.123456789Z"),
        ("Europe/London", "2023-11-14T22:13:20.123456789Z"),
        ("Asia/Jakarta", "2023-11-15T05:13:20.123456789+07:00"),
        ("Asia/Jayapura", "2023-11-15T07:13:20.123456789+09:00"),
        ("America/St_Johns", "2023-11-14T18:43:20.123456789-03:30"),
    ],
)
def test_a_time_is_written_in_the_zone_of_the_machine(zone: str, expected: str) -> None:
    moment = 1_700_000_000_123_456_789
    assert format_in(zone, moment) == [expected]
    assert parse_ns(expected) == moment


def test_a_zone_with_seconds_is_written_in_utc() -> None:
    # Before 1924 Jakarta was at +07:07:12, which RFC 3339 cannot say.
    with zone_of_this_process("Asia/Jakarta"):
        assert format_ns(-1_600_000_000 * SECOND) == "1919-04-20T11:33:20Z"


def test_summer_and_winter_have_their_own_offset() -> None:
    winter, summer = format_in("Europe/Berlin", 1_700_000_000 * SECOND, 1_690_000_000 * SECOND)
    assert winter.endswith("+01:00")
    assert summer.endswith("+02:00")


@pytest.mark.parametrize(
    ("nanoseconds", "fraction"),
    [
        (0, ""),
        (1, ".000000001"),
        (100_000_000, ".1"),
        (120_000, ".00012"),
        (999_999_999, ".999999999"),
    ],
)
def test_trailing_zeros_are_left_out(nanoseconds: int, fraction: str) -> None:
    assert format_in("UTC", nanoseconds) == [f"1970-01-01T00:00:00{fraction}Z"]
    assert parse_ns(f"1970-01-01T00:00:00{fraction}Z") == nanoseconds


@FUZZ
@given(st.integers(-62_000_000_000 * SECOND, 253_000_000_000 * SECOND))
def test_nanoseconds_come_back(moment: int) -> None:
    assert parse_ns(format_ns(moment)) == moment


@pytest.mark.parametrize(
    "moment", [-(1 << 63), -(10**20), 253_402_300_800 * SECOND, 1 << 63, 10**20]
)
def test_years_that_rfc_3339_cannot_say_are_clamped(moment: int) -> None:
    assert (
        datetime(1, 1, 1, tzinfo=UTC)
        <= to_datetime(parse_ns(format_ns(moment)))
        <= to_datetime(10**30)
    )
    for hours in (-23, 23):
        zone = timezone(timedelta(hours=hours))
        assert 1 <= to_datetime(moment).astimezone(zone).year <= 9999


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1970-01-01T07:00:00+07:00", 0),
        ("1969-12-31T20:30:00-03:30", 0),
        ("0000-01-01T00:00:00Z", parse_ns("0001-01-01T00:00:00Z") // SECOND),
        ("1969-12-31T23:59:59Z", -1),
    ],
)
def test_offsets_are_taken_off(text: str, seconds: int) -> None:
    assert parse_ns(text) == seconds * SECOND


MALFORMED = [
    "",
    "2026-01-02",
    "2026-01-02 03:04:05Z",
    "2026-01-02T03:04:05",
    "2026-01-02T03:04:05+0700",
    "2026-01-02T03:04:05.Z",
    "2026-01-02T03:04:05.1234567890Z",
    "2026-01-02t03:04:05z",
    "2026-02-30T00:00:00Z",
    "2026-01-02T24:00:00Z",
    "2026-01-02T03:04:60Z",
    "2026-01-02T03:60:05Z",
    "2026-01-02T03:04:05.٣Z",
    "2026-01-02T03:04:05+0٣:00",
    "٢٠٢٦-01-02T03:04:05Z",
    "02026-01-02T03:04:05Z",
    "2026-01-02T03:04:05Z\n",
    "2026-01-02T03:04:05+24:00",
    "2026-01-02T03:04:05-07:60",
    "2026-13-01T00:00:00Z",
    "2026-00-01T00:00:00Z",
    "2026-04-31T00:00:00Z",
    "2027-02-29T00:00:00Z",
]


@pytest.mark.parametrize("text", MALFORMED)
def test_malformed_times_are_refused(text: str) -> None:
    for parse in (parse_ns, parse_datetime):
        with pytest.raises(ValueError, match=r"RFC 3339|range|must be"):
            parse(text)


@pytest.mark.parametrize("text", [*MALFORMED, "2026-01-02T03:04:05Z\n2026-01-02T03:04:05Z"])
def test_a_malformed_time_among_many_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"RFC 3339|range|must be"):
        refuse_malformed({"2026-01-02T03:04:05Z", text, "2026-01-02T03:04:06.5+07:00"})


EVERY_DAY = [datetime(2024, 1, 1) + timedelta(number) for number in range(366)]


def test_every_day_is_a_time() -> None:
    refuse_malformed({f"{day:%Y-%m-%d}T23:59:59.999999999-23:59" for day in EVERY_DAY})
    refuse_malformed(set())


@FUZZ
@given(st.sets(st.integers(-62_000_000_000 * SECOND, 253_000_000_000 * SECOND), max_size=5))
def test_all_that_is_written_is_read(moments: set[int]) -> None:
    refuse_malformed({format_ns(moment) for moment in moments})


def test_a_datetime_keeps_its_offset() -> None:
    wita = timezone(timedelta(hours=8))
    moment = datetime(2026, 3, 9, 23, 59, 59, 120_000, wita)
    assert format_datetime(moment) == "2026-03-09T23:59:59.12+08:00"
    assert parse_datetime("2026-03-09T23:59:59.12+08:00").utcoffset() == timedelta(hours=8)
    assert format_datetime(datetime(2026, 3, 9, tzinfo=UTC)) == "2026-03-09T00:00:00Z"


def test_nanoseconds_of_a_datetime_are_cut_off() -> None:
    assert parse_datetime("2026-03-09T00:00:00.999999999Z").microsecond == 999_999


@FUZZ
@given(
    st.datetimes(min_value=datetime(1, 1, 3), max_value=datetime(9999, 12, 29)),
    st.integers(-23 * 60, 23 * 60),
)
def test_datetimes_come_back(moment: datetime, minutes: int) -> None:
    aware = moment.replace(tzinfo=timezone(timedelta(minutes=minutes)))
    text = format_datetime(aware)
    assert parse_datetime(text) == aware
    assert parse_datetime(text).utcoffset() == aware.utcoffset()
    assert parse_ns(text) // 1000 == (aware - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(
        microseconds=1
    )

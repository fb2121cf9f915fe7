"""Days counted by hand, with the calendar of the decrees, and with years that have none."""

from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lpse_ops.clock import ZONE_ALIASES
from lpse_ops.nationaldays import load_national_days
from lpse_ops.workdays import (
    MOST_WORKDAYS,
    DayOff,
    Doubts,
    OfficeHours,
    SpecialHours,
    WorkCalendar,
)

WITA = ZoneInfo("Asia/Makassar")


def calendar(*years: int, joint_leave: bool = True, zone: ZoneInfo = WITA) -> WorkCalendar:
    found = load_national_days(years, joint_leave=joint_leave)
    return WorkCalendar(zone, found.days, found.known_years)


COUNTED = calendar(2023, 2024, 2025, 2026, 2027)


def day(text: str) -> date:
    return date.fromisoformat(text)


@pytest.mark.parametrize(
    ("received", "with_leave", "without"),
    [
        ("2023-02-23", ("2023-02-24", "2023-02-27", "2023-02-28"), None),
        # 7 April 2023 is Good Friday.
        ("2023-04-04", ("2023-04-05", "2023-04-06", "2023-04-10"), None),
        (
            "2023-04-18",
            ("2023-04-26", "2023-04-27", "2023-04-28"),
            ("2023-04-19", "2023-04-20", "2023-04-21"),
        ),
        (
            "2026-03-17",
            ("2026-03-25", "2026-03-26", "2026-03-27"),
            ("2026-03-18", "2026-03-20", "2026-03-23"),
        ),
        ("2025-08-15", ("2025-08-19", "2025-08-20", "2025-08-21"), None),
    ],
)
def test_the_days_of_the_domain_note(received, with_leave, without):
    for leave, wanted in ((True, with_leave), (False, without)):
        if wanted is None:
            continue
        counted = calendar(2023, 2025, 2026, joint_leave=leave)
        found = [counted.add_workdays(day(received), count).isoformat() for count in (1, 2, 3)]
        assert tuple(found) == wanted


@pytest.mark.parametrize(("count", "wanted"), [(-2, "2023-04-17"), (-7, "2023-04-10")])
def test_days_are_counted_backwards_for_what_must_be_told_before(count, wanted):
    assert calendar(2023).add_workdays(day("2023-04-26"), count) == day(wanted)


@given(
    start=st.dates(date(2024, 1, 1), date(2026, 12, 31)),
    count=st.integers(1, 30),
    backwards=st.booleans(),
)
@settings(max_examples=200, deadline=None)
def test_as_many_working_days_lie_between_as_were_counted(start, count, backwards):
    end = COUNTED.add_workdays(start, -count if backwards else count)
    assert COUNTED.is_workday(end)
    step = timedelta(days=-1 if backwards else 1)
    days, passed = start, []
    while days != end:
        days += step
        passed.append(days)
    assert sum(map(COUNTED.is_workday, passed)) == count


def test_no_days_stay_where_they_are_and_too_many_are_refused():
    counted = calendar(2026)
    assert counted.add_workdays(day("2026-11-22"), 0) == day("2026-11-22")
    for count in (MOST_WORKDAYS + 1, -MOST_WORKDAYS - 1):
        with pytest.raises(ValueError, match="working days are more than"):
            counted.add_workdays(day("2026-11-22"), count)


@pytest.mark.parametrize(
    ("text", "works", "why"),
    [
        ("2026-11-20", True, "Friday"),
        ("2026-11-21", False, "Saturday"),
        ("2026-11-22", False, "Sunday"),
        ("2026-12-24", False, "cuti bersama"),
        ("2026-12-25", False, "Natal"),
        ("2024-11-27", False, "Pilkada"),
        ("2026-12-28", True, "Monday"),
    ],
)
def test_what_is_a_workday(text, works, why):
    assert calendar(2024, 2026).is_workday(day(text)) is works, why


@pytest.mark.parametrize(
    ("received", "day_0"),
    [
        # Monday, 23 November 2026.
        ("2026-11-23T06:00", "2026-11-23"),
        ("2026-11-23T07:30", "2026-11-23"),
        ("2026-11-23T16:00", "2026-11-23"),
        ("2026-11-23T16:01", "2026-11-24"),
        # On Friday the office closes half an hour later.
        ("2026-11-20T16:30", "2026-11-20"),
        ("2026-11-20T16:31", "2026-11-23"),
        ("2026-11-22T12:00", "2026-11-23"),
        ("2026-12-23T20:00", "2026-12-28"),
    ],
)
def test_what_comes_when_nobody_is_there_came_on_the_next_working_day(received, day_0):
    moment = datetime.fromisoformat(received).replace(tzinfo=WITA)
    assert calendar(2026).count_from(moment) == day(day_0)


def test_the_zone_decides_on_which_day_it_came():
    """The same moment is 15.45 in Jakarta, 16.45 in Makassar and 17.45 in Jayapura."""
    moment = datetime(2026, 11, 23, 8, 45, tzinfo=ZoneInfo("UTC"))
    found = {
        name: calendar(2026, zone=ZoneInfo(zone)).due_time(moment, 1).at.isoformat()
        for name, zone in ZONE_ALIASES.items()
    }
    assert found == {
        "WIB": "2026-11-24T16:00:00+07:00",
        "WITA": "2026-11-25T16:00:00+08:00",
        "WIT": "2026-11-25T16:00:00+09:00",
    }


def test_it_is_due_at_the_end_of_the_office_day_and_overdue_after_it():
    due = calendar(2026).due_time(datetime(2026, 11, 18, 9, tzinfo=WITA), 2)
    assert due.counted_from == day("2026-11-18")
    assert due.at == datetime(2026, 11, 20, 16, 30, tzinfo=WITA)
    assert not due.is_overdue(due.at)
    assert due.is_overdue(due.at + timedelta(seconds=1))
    assert not due.doubts


def test_special_hours_are_those_of_their_days():
    short = OfficeHours(time(8), time(15))
    special = SpecialHours(day("2026-02-18"), day("2026-03-19"), short)
    counted = WorkCalendar(WITA, {}, frozenset({2026}), special=(special,))
    assert counted.hours_on(day("2026-02-18")) == counted.hours_on(day("2026-03-19")) == short
    assert counted.hours_on(day("2026-02-17")).closing == time(16)
    assert counted.due_time(datetime(2026, 2, 23, 15, 30, tzinfo=WITA), 1).at == datetime(
        2026, 2, 25, 15, tzinfo=WITA
    )


def test_hours_that_end_before_they_begin_are_none():
    with pytest.raises(ValueError, match="16:00-08:00 is no office day"):
        OfficeHours(time(16), time(8))


def test_a_year_without_a_decree_is_said():
    counted = calendar(2026, 2027, 2028)
    assert counted.due_time(datetime(2028, 5, 2, 9, tzinfo=WITA), 1).doubts == Doubts((2028,))
    over_new_year = counted.due_time(datetime(2027, 12, 31, 9, tzinfo=WITA), 1)
    assert over_new_year.doubts.unknown_years == (2028,)
    # What was never loaded is not known either.
    assert counted.find_doubts(day("2025-12-31"), day("2026-01-05")).unknown_years == (2025,)


def test_a_day_that_the_moon_decides_is_said_also_beside_the_days_that_count():
    counted = calendar(2027)
    lebaran = ((day("2027-03-10"), "Hari Raya Idul Fitri"),)
    assert counted.find_doubts(day("2027-03-08"), day("2027-03-09")).estimated == lebaran
    assert counted.find_doubts(day("2027-03-12"), day("2027-03-12")).estimated == (
        (day("2027-03-11"), "Hari kedua dari Hari Raya Idul Fitri"),
    )
    assert not counted.find_doubts(day("2027-03-13"), day("2027-03-15"))
    assert not Doubts()


def test_a_local_holiday_counts_as_any_other():
    counted = WorkCalendar(WITA, {day("2026-11-24"): DayOff("Hari Jadi")}, frozenset({2026}))
    assert counted.add_workdays(day("2026-11-23"), 1) == day("2026-11-25")

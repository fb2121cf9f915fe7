"""Months as grids of days, on which marks show what a policy keeps and what goes."""

import calendar
from collections.abc import Iterable
from datetime import date, datetime, tzinfo
from itertools import zip_longest

from lpse_ops.backup.milestone import is_milestone
from lpse_ops.backup.retention import Verdict

KEPT = "+"
MILESTONE = "!"
REMOVED = "-"
BOTH = "*"
LEGEND = (
    f"{KEPT} kept   {REMOVED} removed   {BOTH} some kept, some removed   {MILESTONE} kept forever"
)

_MONTHS_IN_A_ROW = 2
_WIDTH = 7 * 4
_GAP = "   "
_WEEKDAYS = " Mo  Tu  We  Th  Fr  Sa  Su "

Month = tuple[int, int]


def mark_days(verdicts: Iterable[Verdict], zone: tzinfo | None) -> dict[date, str]:
    """The mark of each day that has a snapshot; without a zone, by the offset written in it."""
    marks: dict[date, str] = {}
    for verdict in verdicts:
        day, mark = _day(verdict.snapshot.time, zone), _mark(verdict)
        marks[day] = mark if marks.get(day, mark) == mark else _join(marks[day], mark)
    return marks


def render_calendar(verdicts: Iterable[Verdict], zone: tzinfo | None) -> str:
    """All months that have a snapshot, oldest first, and what the marks mean."""
    marks = mark_days(verdicts, zone)
    months = sorted({(day.year, day.month) for day in marks})
    rows = [
        _render_row(months[start : start + _MONTHS_IN_A_ROW], marks)
        for start in range(0, len(months), _MONTHS_IN_A_ROW)
    ]
    return "\n".join([*rows, LEGEND]) + "\n"


def _day(time: datetime, zone: tzinfo | None) -> date:
    try:
        return (time.astimezone(zone) if zone else time).date()
    except OverflowError:  # the first or the last day that there is
        return time.date()


def _mark(verdict: Verdict) -> str:
    if not verdict.is_kept:
        return REMOVED
    return MILESTONE if is_milestone(verdict.snapshot) else KEPT


def _join(one: str, other: str) -> str:
    marks = {one, other}
    return MILESTONE if marks == {KEPT, MILESTONE} else BOTH


def _render_row(months: list[Month], marks: dict[date, str]) -> str:
    """A few months side by side."""
    grids = [_render_month(month, marks) for month in months]
    lines = zip_longest(*grids, fillvalue=" " * _WIDTH)
    return "".join(_GAP.join(parts).rstrip() + "\n" for parts in lines)


def _render_month(month: Month, marks: dict[date, str]) -> list[str]:
    # Numbers, not dates: the last month of all would end beyond the year 9999.
    weeks = calendar.Calendar().monthdayscalendar(*month)
    title = f"{calendar.month_name[month[1]]} {month[0]}".center(_WIDTH)
    rows = ["".join(_cell(day, month, marks) for day in week) for week in weeks]
    return [title, _WEEKDAYS, *rows]


def _cell(day: int, month: Month, marks: dict[date, str]) -> str:
    """Day 0 is one of another month."""
    return f"{day:3d}{marks.get(date(*month, day), ' ')}" if day else " " * 4

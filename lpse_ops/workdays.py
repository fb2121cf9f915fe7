"""Working days and office hours in Indonesia: who counts days of an SLA counts them here.

Pure: which days are off is given.  A year whose decree (the joint decree of three ministers, SKB)
is not known is counted all the same, but every answer that touches it says so.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, tzinfo

MOST_WORKDAYS = 366
_DAY = timedelta(days=1)
_FRIDAY, _SATURDAY = 4, 5


@dataclass(frozen=True)
class DayOff:
    """A national or local holiday, or *cuti bersama*; ``is_estimated`` while the moon decides."""

    name: str
    is_estimated: bool = False


@dataclass(frozen=True)
class OfficeHours:
    opening: time
    closing: time

    def __post_init__(self) -> None:
        if self.opening >= self.closing:
            raise ValueError(f"{self.opening:%H:%M}-{self.closing:%H:%M} is no office day")


# 37 h 30 min a week, with breaks of 60 min, on Friday of 90: Perpres 21/2023, article 3.
USUAL_HOURS = OfficeHours(time(7, 30), time(16))
USUAL_FRIDAY = OfficeHours(time(7, 30), time(16, 30))


@dataclass(frozen=True)
class SpecialHours:
    """Other hours from ``first`` to ``last``, both inclusive, as in Ramadan."""

    first: date
    last: date
    hours: OfficeHours


@dataclass(frozen=True)
class Doubts:
    """Why a count of days may turn out wrong: years without a decree, days only estimated."""

    unknown_years: tuple[int, ...] = ()
    estimated: tuple[tuple[date, str], ...] = ()

    def __bool__(self) -> bool:
        return bool(self.unknown_years or self.estimated)


@dataclass(frozen=True)
class DueTime:
    """``counted_from`` is day 0, ``at`` the end of office hours of the last day."""

    counted_from: date
    at: datetime
    doubts: Doubts = Doubts()

    def is_overdue(self, now: datetime) -> bool:
        return now > self.at


@dataclass(frozen=True)
class WorkCalendar:
    """The days and hours that count, in ``zone``.

    ``known_years`` are those whose ``days_off`` are complete by a decree.
    """

    zone: tzinfo
    days_off: Mapping[date, DayOff]
    known_years: frozenset[int]
    hours: OfficeHours = USUAL_HOURS
    friday: OfficeHours = USUAL_FRIDAY
    special: tuple[SpecialHours, ...] = ()

    def is_workday(self, day: date) -> bool:
        return day.weekday() < _SATURDAY and day not in self.days_off

    def add_workdays(self, day: date, count: int) -> date:
        """Return the working day ``count`` after ``day``, or before it when negative.

        ``day`` itself is not counted and need be none.  ValueError beyond ``MOST_WORKDAYS``.
        """
        if abs(count) > MOST_WORKDAYS:
            raise ValueError(f"{count} working days are more than {MOST_WORKDAYS}")
        step = _DAY if count > 0 else -_DAY
        for _ in range(abs(count)):
            day = self._next_workday(day, step)
        return day

    def count_from(self, moment: datetime) -> date:
        """Return day 0 of a request: what comes after closing time came on the next working day.

        What comes before opening time of a working day came on that day.
        """
        local = moment.astimezone(self.zone)
        day = local.date()
        if self.is_workday(day) and local.time() <= self.hours_on(day).closing:
            return day
        return self._next_workday(day, _DAY)

    def due_time(self, received: datetime, workdays: int) -> DueTime:
        """Return when a request is due that may take so many working days (1 or more)."""
        begin = self.count_from(received)
        last = self.add_workdays(begin, workdays)
        closing = self.hours_on(last).closing
        doubts = self.find_doubts(received.astimezone(self.zone).date(), last)
        return DueTime(begin, datetime.combine(last, closing, self.zone), doubts)

    def find_doubts(self, first: date, last: date) -> Doubts:
        """What is not certain about the days between two days, both inclusive.

        The moon moves a holiday by a day: one beside them is doubtful, too.
        """
        years = range(first.year, last.year + 1)
        days = (first + _DAY * n for n in range(-1, (last - first).days + 2))
        return Doubts(
            tuple(year for year in years if year not in self.known_years),
            tuple(self._estimated(days)),
        )

    def hours_on(self, day: date) -> OfficeHours:
        for each in self.special:
            if each.first <= day <= each.last:
                return each.hours
        return self.friday if day.weekday() == _FRIDAY else self.hours

    def _next_workday(self, day: date, step: timedelta) -> date:
        day += step
        while not self.is_workday(day):
            day += step
        return day

    def _estimated(self, days: Iterator[date]) -> Iterator[tuple[date, str]]:
        for day in days:
            off = self.days_off.get(day)
            if off is not None and off.is_estimated:
                yield day, off.name

"""The section ``workdays`` of ``lpse-ops.yml``: office hours, and what decrees changed late."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, time, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

from lpse_ops.clock import parse_zone
from lpse_ops.errors import SettingsError
from lpse_ops.nationaldays import load_national_days
from lpse_ops.workdays import (
    USUAL_FRIDAY,
    USUAL_HOURS,
    DayOff,
    OfficeHours,
    SpecialHours,
    WorkCalendar,
)

_HOURS = re.compile(r"((?:[01]\d|2[0-3]):[0-5]\d)-((?:[01]\d|2[0-3]):[0-5]\d)", re.ASCII)
_HOURS_HINT = "write 07:30-16:00"


@dataclass(frozen=True)
class WorkdaysSettings:
    """``holidays`` are days off beside those that are known, ``working`` are none after all.

    A holiday that is only estimated is certain once it stands in ``holidays``.  ``decreed_years``
    are years whose decree is written here in full.  ``time_zone`` None is the site's.
    """

    hours: OfficeHours = USUAL_HOURS
    friday: OfficeHours = USUAL_FRIDAY
    special_hours: tuple[SpecialHours, ...] = ()
    joint_leave: bool = True
    holidays: tuple[tuple[date, str], ...] = ()
    working: frozenset[date] = frozenset()
    decreed_years: frozenset[int] = frozenset()
    time_zone: ZoneInfo | None = None


def read_workdays(data: dict[str, Any]) -> WorkdaysSettings:
    """Turn the checked section into values."""
    read: dict[str, Callable[[Any], Any]] = {
        "hours": parse_office_hours,
        "friday": parse_office_hours,
        "special_hours": lambda items: tuple(map(_special_hours, items)),
        "holidays": lambda items: tuple(map(_holiday, items)),
        "working": lambda items: frozenset(map(date.fromisoformat, items)),
        "decreed_years": frozenset,
        "time_zone": parse_zone,
    }
    return WorkdaysSettings(
        **{key: read.get(key, lambda flag: flag)(value) for key, value in data.items()}
    )


def build_calendar(settings: WorkdaysSettings, zone: tzinfo, years: Iterable[int]) -> WorkCalendar:
    """Return the calendar of the years; what the settings say comes after what is known."""
    national = load_national_days(years, joint_leave=settings.joint_leave)
    local = {day: DayOff(name) for day, name in settings.holidays}
    days = {day: off for day, off in national.days.items() if day not in settings.working}
    return WorkCalendar(
        zone=settings.time_zone or zone,
        days_off=days | local,
        known_years=national.known_years | settings.decreed_years,
        hours=settings.hours,
        friday=settings.friday,
        special=settings.special_hours,
    )


def parse_office_hours(text: str) -> OfficeHours:
    match = _HOURS.fullmatch(text)
    if match is None:
        raise SettingsError(f"must be office hours, not {text!r}", hint=_HOURS_HINT)
    opening, closing = map(time.fromisoformat, match.groups())
    try:
        return OfficeHours(opening, closing)
    except ValueError as error:
        raise SettingsError("must end after they begin", hint=_HOURS_HINT) from error


def check_office_hours(text: str) -> None:
    parse_office_hours(text)


def _special_hours(data: dict[str, str]) -> SpecialHours:
    first, last = (date.fromisoformat(data[key]) for key in ("since", "until"))
    if last < first:
        raise SettingsError(
            f"workdays.special_hours: {last} is before {first}", hint="swap since and until"
        )
    return SpecialHours(first, last, parse_office_hours(data["hours"]))


def _holiday(data: dict[str, str]) -> tuple[date, str]:
    return date.fromisoformat(data["date"]), data["name"]

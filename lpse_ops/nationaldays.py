"""National holidays and *cuti bersama*, as the library ``holidays`` knows them.

The only module that imports it.  It holds the decrees of 2002 to 2027 (0.108 and 0.109); for
later years it computes national holidays, marks those that the moon decides as estimated, and
has no *cuti bersama*: such a year is not known.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from lpse_ops.workdays import DayOff

_NATIONAL, _JOINT_LEAVE = "public", "government"
_ESTIMATED = " (perkiraan)"


@dataclass(frozen=True)
class NationalDays:
    """``known_years`` are those that have a decree: each one so far brought *cuti bersama*."""

    days: dict[date, DayOff]
    known_years: frozenset[int]


def load_national_days(years: Iterable[int], *, joint_leave: bool = True) -> NationalDays:
    """Return the days off of the years by their Indonesian names.

    Without ``joint_leave``, *cuti bersama* are working days, for offices that serve on them.
    """
    days: dict[date, DayOff] = {}
    known = set()
    for year in years:
        leave = _load(year, _JOINT_LEAVE)
        if leave:
            known.add(year)
        days |= _load(year, _NATIONAL) | (leave if joint_leave else {})
    return NationalDays(days, frozenset(known))


def _load(year: int, category: str) -> dict[date, DayOff]:
    # 60 ms, only for who counts days.
    from holidays import country_holidays

    found = country_holidays("ID", years=year, categories=(category,), language="id")
    return {
        day: DayOff(name.removesuffix(_ESTIMATED), is_estimated=name.endswith(_ESTIMATED))
        for day, name in sorted(found.items())
    }

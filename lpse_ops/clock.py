"""The time as an argument, and the three time zones of Indonesia by their own names."""

from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from typing import Protocol
from zoneinfo import ZoneInfo, available_timezones

ZONE_ALIASES = {"WIB": "Asia/Jakarta", "WITA": "Asia/Makassar", "WIT": "Asia/Jayapura"}


class Clock(Protocol):
    def now(self) -> datetime:
        """Return the present as an aware datetime."""


@dataclass(frozen=True)
class SystemClock:
    """The machine's clock, read in ``zone``; without one, in the machine's own zone."""

    zone: tzinfo | None = None

    def now(self) -> datetime:
        return datetime.now(UTC).astimezone(self.zone)


def parse_zone(name: str) -> ZoneInfo:
    """Return the zone with an IANA name or an Indonesian one (WIB, WITA, WIT), or ValueError."""
    try:
        return ZoneInfo(ZONE_ALIASES.get(name.upper(), name))
    except (LookupError, ValueError, OSError) as error:
        raise ValueError(f"{name!r} is not a time zone") from error


def zone_names() -> list[str]:
    """Return every name that ``parse_zone`` knows on this machine."""
    return sorted(available_timezones() | ZONE_ALIASES.keys())

"""What a preflight says: one line for each check, and the thresholds by which it is judged."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Literal

Purpose = Literal["install", "upgrade"]


class Level(StrEnum):
    """The words of Nagios; ``SKIPPED`` is what does not concern this purpose."""

    OK = "OK"
    WARNING = "WARNING"
    CRITICAL = "CRITICAL"
    UNKNOWN = "UNKNOWN"
    SKIPPED = "SKIPPED"


# The gravest first; what is not known may be anything.
GRAVITY = (Level.CRITICAL, Level.UNKNOWN, Level.WARNING, Level.OK, Level.SKIPPED)


@dataclass(frozen=True)
class Check:
    """``value`` is what was found, ``advice`` what to do about it; both one line."""

    id: str
    level: Level
    value: str
    advice: str = ""


@dataclass(frozen=True)
class Thresholds:
    """When a value is worth a word; the letters are those of domain.md, part c.

    ``clock_*``: K6; a bid is in time or late by this clock, to the second.  ``backup_age``: the
    SLA's once a day (15.a).  ``certificate_left``: K8.  ``memory_*``: shares of all, K3.
    ``heap_margin``: what Java takes beyond its heap, as a share of it.  ``disk_used``,
    ``inodes_used_*``: shares; how full a disk may be in daily life is another check's business.
    """

    clock_warning: timedelta = timedelta(seconds=1)
    clock_critical: timedelta = timedelta(seconds=5)
    backup_age: timedelta = timedelta(hours=24)
    certificate_left: timedelta = timedelta(days=30)
    memory_warning: float = 0.2
    memory_critical: float = 0.1
    heap_margin: float = 0.25
    disk_used: float = 0.9
    disk_least_bytes: int = 1 << 30
    small_disk_least_bytes: int = 256 << 20
    inodes_used_warning: float = 0.9
    inodes_used_critical: float = 0.98
    connections_warning: int = 20
    connections_critical: int = 5
    resolving: timedelta = timedelta(seconds=2)
    oldest_postgresql: int = 11
    oldest_java: int = 8
    # Of the step runner.
    clone_margin: float = 1.1
    # An archive grows about so much when it is unpacked, where nobody looked into it.
    unpacked_factor: int = 4


@dataclass(frozen=True)
class Package:
    """Of the package at hand; ``unpacked_bytes`` is None where nobody looked into it."""

    size_bytes: int
    unpacked_bytes: int | None = None


@dataclass(frozen=True)
class Asked:
    """What the preflight is for, and when; ``now`` is the controller's time.

    ``clock_between`` is the time here just before and just after the host told its own, None if
    that is the same machine.  ``accepted_risk`` is why no backup is wanted this time.
    """

    purpose: Purpose
    now: datetime
    package: Package | None = None
    clock_between: tuple[datetime, datetime] | None = None
    accepted_risk: str = ""
    thresholds: Thresholds = field(default_factory=Thresholds)

    @property
    def is_upgrade(self) -> bool:
        return self.purpose == "upgrade"


def ok(id: str, value: str) -> Check:  # noqa: A002
    return Check(id, Level.OK, value)


def warning(id: str, value: str, advice: str) -> Check:  # noqa: A002
    return Check(id, Level.WARNING, value, advice)


def critical(id: str, value: str, advice: str) -> Check:  # noqa: A002
    return Check(id, Level.CRITICAL, value, advice)


def unknown(id: str, why: str, advice: str = "") -> Check:  # noqa: A002
    return Check(id, Level.UNKNOWN, why or "not told", advice)


def skipped(id: str, why: str) -> Check:  # noqa: A002
    return Check(id, Level.SKIPPED, why)


def gravest(checks: Iterable[Check]) -> Level:
    """The level of them all."""
    found = {each.level for each in checks}
    return next((level for level in GRAVITY if level in found), Level.OK)


def show_bytes(size: float) -> str:
    """A size that people can compare: ``3.2 GiB``, below that in MiB."""
    gib, mib = 1 << 30, 1 << 20
    return f"{size / gib:.1f} GiB" if abs(size) >= gib else f"{size / mib:.0f} MiB"

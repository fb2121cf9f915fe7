"""Which snapshots a policy keeps, and every reason for it: the rule and the words of restic 0.19.

Pure.  The UTC offset written in a snapshot's time decides its hour, day, week, month and year.
Of each of those the newest snapshot is the one that counts; while a rule has counts left, the
oldest snapshot of a group is kept as well, so that the history never grows shorter by itself.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from lpse_ops.backup.snapshot import Snapshot

UNLIMITED = -1

_PART = re.compile(r"([0-9]{1,9})([ymdh])")
_UNITS = {"y": "years", "m": "months", "d": "days", "h": "hours"}


@dataclass(frozen=True)
class CalendarDuration:
    """Years, months, days and hours, as long as the calendar makes them."""

    years: int = 0
    months: int = 0
    days: int = 0
    hours: int = 0

    def __str__(self) -> str:
        counts = ((getattr(self, name), unit) for unit, name in _UNITS.items())
        return "".join(f"{count}{unit}" for count, unit in counts if count)

    def __bool__(self) -> bool:
        return self != CalendarDuration()

    def before(self, moment: datetime) -> datetime | None:
        """So long before ``moment``, or None before the year 1.

        31 March less a month is 3 March, as Go counts.
        """
        month = moment.year * 12 + moment.month - 1 - self.years * 12 - self.months
        try:
            first = moment.replace(year=month // 12, month=month % 12 + 1, day=1)
            return first + timedelta(days=moment.day - 1 - self.days, hours=-self.hours)
        except (ValueError, OverflowError):
            return None


def parse_calendar_duration(text: str) -> CalendarDuration:
    """Turn restic's ``1y5m7d2h`` (m is a month) into a duration, or raise ValueError."""
    parts = _PART.findall(text)
    counts = {_UNITS[unit]: int(number) for number, unit in parts}
    if not parts or _PART.sub("", text) or len(counts) < len(parts):
        raise ValueError(f"{text!r} is not a duration such as 1y5m7d2h, where m is a month")
    return CalendarDuration(**counts)


def parse_tags(text: str) -> tuple[str, ...]:
    """The tags of restic's comma list."""
    return tuple(tag.strip() for tag in text.split(","))


@dataclass(frozen=True)
class KeepPolicy:
    """What ``--keep-*`` say; counts may be ``UNLIMITED``.

    Each entry of ``tags`` keeps the snapshots that have all of its tags; the entry ``("",)`` those
    that have none.
    """

    last: int = 0
    hourly: int = 0
    daily: int = 0
    weekly: int = 0
    monthly: int = 0
    yearly: int = 0
    within: CalendarDuration = CalendarDuration()
    within_hourly: CalendarDuration = CalendarDuration()
    within_daily: CalendarDuration = CalendarDuration()
    within_weekly: CalendarDuration = CalendarDuration()
    within_monthly: CalendarDuration = CalendarDuration()
    within_yearly: CalendarDuration = CalendarDuration()
    tags: tuple[tuple[str, ...], ...] = ()

    @property
    def is_empty(self) -> bool:
        return self == KeepPolicy()


@dataclass(frozen=True)
class Verdict:
    """A snapshot, and why it is kept; without a reason it is removed."""

    snapshot: Snapshot
    reasons: tuple[str, ...]

    @property
    def is_kept(self) -> bool:
        return bool(self.reasons)


@dataclass(frozen=True)
class GroupBy:
    """By what snapshots are told apart before a policy looks at them."""

    host: bool = True
    paths: bool = True
    tags: bool = False


def parse_group_by(text: str) -> GroupBy:
    """Turn restic's ``host,paths,tags`` (or nothing at all) into a GroupBy, or ValueError."""
    known = {"host": "host", "path": "paths", "paths": "paths", "tag": "tags", "tags": "tags"}
    words = [word for word in text.split(",") if word]
    for word in words:
        if word not in known:
            raise ValueError(f"{word!r} is none of host, paths, tags")
    wanted = {known[word] for word in words}
    return GroupBy(host="host" in wanted, paths="paths" in wanted, tags="tags" in wanted)


@dataclass(frozen=True, order=True)
class Group:
    """What the snapshots of a group have in common; empty where they are not grouped by it."""

    host: str = ""
    paths: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()


def group_snapshots(snapshots: Iterable[Snapshot], by: GroupBy) -> dict[Group, list[Snapshot]]:
    """The snapshots of each group; groups in order, snapshots as they came."""
    groups: dict[Group, list[Snapshot]] = {}
    for snapshot in snapshots:
        group = Group(
            snapshot.hostname if by.host else "",
            tuple(sorted(snapshot.paths)) if by.paths else (),
            tuple(sorted(snapshot.tags)) if by.tags else (),
        )
        groups.setdefault(group, []).append(snapshot)
    return dict(sorted(groups.items()))


def apply_policy(snapshots: Sequence[Snapshot], policy: KeepPolicy, now: datetime) -> list[Verdict]:
    """The verdict on each snapshot of one group, newest first."""
    newest_first = sorted(snapshots, key=lambda each: (each.time, each.id), reverse=True)
    latest = max((each.time for each in snapshots if each.time < now), default=None)
    rules = _make_rules(policy, latest)
    verdicts = []
    for number, snapshot in enumerate(newest_first):
        is_oldest = number == len(newest_first) - 1
        reasons = [f"has tags [{', '.join(tags)}]" for tags in policy.tags if _has(snapshot, tags)]
        for rule in rules:
            reasons += rule.reasons(snapshot.time, number, is_oldest=is_oldest)
        verdicts.append(Verdict(snapshot, tuple(reasons)))
    return verdicts


def _has(snapshot: Snapshot, tags: tuple[str, ...]) -> bool:
    return set(tags) <= (set(snapshot.tags) or {""})


_Bucket = Callable[[datetime, int], object]

# Snapshots of one bucket are one hour's, one day's, ... ; a week belongs to its ISO year.
_BUCKETS: dict[str, _Bucket] = {
    "last": lambda _, number: number,
    "hourly": lambda time, _: (time.date(), time.hour),
    "daily": lambda time, _: time.date(),
    "weekly": lambda time, _: time.isocalendar()[:2],
    "monthly": lambda time, _: (time.year, time.month),
    "yearly": lambda time, _: time.year,
}


@dataclass
class _Rule:
    """Keeps the first snapshot it meets of each bucket, while counts are left."""

    words: str
    bucket: _Bucket
    left: int
    after: datetime | None = None
    last: object = None

    def reasons(self, time: datetime, number: int, *, is_oldest: bool) -> list[str]:
        if self.left == 0 or (self.after is not None and time <= self.after):
            return []
        bucket = self.bucket(time, number)
        is_new = bucket != self.last
        if not (is_new or is_oldest):
            return []
        self.last = bucket
        self.left = max(self.left - 1, UNLIMITED)
        return [self.words if is_new else f"oldest {self.words}"]


def _make_rules(policy: KeepPolicy, latest: datetime | None) -> list[_Rule]:
    """In the order in which restic names its reasons."""
    counting = [
        _Rule(f"{name} snapshot", bucket, getattr(policy, name))
        for name, bucket in _BUCKETS.items()
    ]
    within = [
        _within_rule(f"{name} within", bucket, getattr(policy, f"within_{name}"), latest)
        for name, bucket in _BUCKETS.items()
        if name != "last"
    ]
    return [_within_rule("within", _BUCKETS["last"], policy.within, latest), *counting, *within]


def _within_rule(
    words: str, bucket: _Bucket, duration: CalendarDuration, latest: datetime | None
) -> _Rule:
    """Without a snapshot to count back from, everything is within."""
    after = duration.before(latest) if latest else None
    return _Rule(f"{words} {duration}", bucket, UNLIMITED if duration else 0, after)

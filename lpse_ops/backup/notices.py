"""Who is told what, and when: each trouble once, then once a day, and once when it is over.

What costs money to put right, too few copies, is told again once a week.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from lpse_ops.backup.statusfacts import LedgerRecord
from lpse_ops.backup.statusverdict import Kind, Severity, Trouble

RECORD = "notice"
# Less than a day: a daily timer that is a little early must not skip a day.
REMIND_AFTER = timedelta(hours=20)
# A trouble that turns into its neighbour is still there: it gets worse or better.
_TOPICS = {
    Kind.FAILED: "run",
    Kind.PARTIAL: "run",
    Kind.STALE: "age",
    Kind.ROTATE: "age",
    Kind.EMPTY: "age",
    Kind.ONE_COPY: "copies",
    Kind.NOT_AWAY: "copies",
    Kind.DISK_HERE: "copies",
    Kind.DISK_SOMEWHERE: "copies",
}
# Who has to buy a disk first is not helped by a mail every day.
_SLOW = {"copies": timedelta(days=6, hours=20)}


@dataclass(frozen=True)
class Told:
    """An open trouble: when it was told last, and how grave it was then."""

    at: datetime
    severity: int


@dataclass(frozen=True)
class Notices:
    """What is to be told now; ``recovered`` are topics (see ``topic_of``)."""

    new: tuple[Trouble, ...] = ()
    reminders: tuple[Trouble, ...] = ()
    recovered: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.new or self.reminders or self.recovered)


def topic_of(trouble: Trouble) -> str:
    """``run:``, ``age:disk-a``, ...: the same as long as it is one story."""
    return f"{_TOPICS.get(trouble.kind, trouble.kind)}:{trouble.destination}"


def plan_notices(troubles: Iterable[Trouble], told: Mapping[str, Told], now: datetime) -> Notices:
    """What is new or graver, what is to be told again, and what is over."""
    current = {topic_of(trouble): trouble for trouble in reversed(list(troubles))}
    new, reminders = [], []
    for topic, trouble in reversed(current.items()):
        before = told.get(topic)
        if before is None or trouble.severity > before.severity:
            new.append(trouble)
        # Also when the clock went back: better twice than never.
        elif not timedelta() <= now - before.at < _remind_after(topic):
            reminders.append(trouble)
    recovered = tuple(topic for topic in told if topic not in current)
    return Notices(tuple(new), tuple(reminders), recovered)


def _remind_after(topic: str) -> timedelta:
    return _SLOW.get(topic.partition(":")[0], REMIND_AFTER)


def notice_facts(
    troubles: Iterable[Trouble],
    told: Mapping[str, Told],
    notices: Notices,
    now: datetime,
    *,
    is_sent: bool,
) -> dict[str, Any]:
    """The facts of a ``notice`` record; ``open`` is what ``read_told`` reads back."""
    just_told = {*notices.new, *notices.reminders}
    open_troubles = {
        topic_of(trouble): {
            "told": (now if trouble in just_told else told[topic_of(trouble)].at).isoformat(),
            "severity": int(trouble.severity),
        }
        for trouble in reversed(list(troubles))
        if trouble in just_told or topic_of(trouble) in told
    }
    return {
        "status": "ok" if is_sent else "failed",
        "new": [topic_of(trouble) for trouble in notices.new],
        "reminders": [topic_of(trouble) for trouble in notices.reminders],
        "recovered": list(notices.recovered),
        "open": open_troubles,
    }


def read_told(records: Iterable[LedgerRecord]) -> dict[str, Told]:
    """What was told and is not over, by the last notice that went out."""
    last: dict[str, Any] = {}
    for record in records:
        if record.kind == RECORD and record.facts.get("status") == "ok":
            last = record.facts
    found = last.get("open")
    told = {}
    for topic, each in found.items() if isinstance(found, dict) else ():
        try:
            at = datetime.fromisoformat(each["told"])
            told[str(topic)] = Told(at, int(each["severity"]))
        except (KeyError, TypeError, ValueError):
            # Not told, as far as we know: it is told again.
            continue
    return told


def gravest(notices: Notices) -> Severity:
    troubles = (*notices.new, *notices.reminders)
    return max((trouble.severity for trouble in troubles), default=Severity.OK)

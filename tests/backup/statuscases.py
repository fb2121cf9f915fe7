"""Short ways to say what is known of a site's backups."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from lpse_ops.backup.statusfacts import (
    BackupFacts,
    History,
    Place,
    Proof,
    Run,
    Sighting,
    SnapshotMark,
)

NOW = datetime(2026, 11, 22, 8, 0, tzinfo=ZoneInfo("Asia/Makassar"))
DISK_A = Place("disk-a", "disk", "Brankas Setda")
DISK_B = Place("disk-b", "disk", "Brankas Setda")
LOCAL = Place("local", "local")
OFFSITE = Place("offsite", "s3")


@dataclass(frozen=True)
class LedgerLine:
    kind: str
    time: datetime
    facts: dict[str, Any]


def ago(days: float = 0, hours: float = 0) -> datetime:
    return NOW - timedelta(days=days, hours=hours)


def snapshot_id(started: datetime) -> str:
    return f"{int(started.timestamp()):064x}"


def run_at(
    started: datetime, status: str = "ok", error: str = "", **destinations: tuple[str, str] | str
) -> Run:
    """A run of half an hour; ``disk_a="written"`` says what became of that destination."""
    named = {
        name.replace("_", "-"): each if isinstance(each, tuple) else (each, "")
        for name, each in destinations.items()
    }
    snapshot = snapshot_id(started) if status != "failed" else ""
    return Run(status, started, started + timedelta(minutes=30), snapshot, 1000, error, named)


def mark_at(moment: datetime) -> SnapshotMark:
    return SnapshotMark(snapshot_id(moment), moment)


def seen(*moments: datetime) -> Sighting:
    """A destination that answers and holds snapshots of these moments; the last is the newest."""
    marks = [mark_at(moment) for moment in moments]
    return Sighting(
        snapshots=frozenset(mark.id for mark in marks), newest=marks[-1] if marks else None
    )


def drill_at(moment: datetime, status: str = "ok", *problems: str) -> Proof:
    return Proof("drill", "local", status, moment, 600, 3600, problems)


def daily_runs(days: int, **destinations: tuple[str, str] | str) -> tuple[Run, ...]:
    """One good run each night at half past one, the last of them today."""
    tonight = NOW.replace(hour=1, minute=30)
    return tuple(
        run_at(tonight - timedelta(days=day), **destinations) for day in reversed(range(days))
    )


def facts_of(*places: Place, history: History | None = None, **more: Any) -> BackupFacts:
    """Unless it is asked for, nothing is said of whether these copies are enough."""
    facts = {"history": history or History(), "knows_all_places": False, **more}
    return BackupFacts(NOW, places or (LOCAL,), **facts)

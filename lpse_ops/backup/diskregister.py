"""The register of portable disks: who carried which one out, when, and where it lies now.

Read from the ledger's records of kind ``disk``; nothing else is kept.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from lpse_ops.backup.statusfacts import History, LedgerRecord, Proof, SnapshotMark

KIND = "disk"
INIT, HAND_OVER, EJECT, PLUGGED = "init", "hand-over", "eject", "plugged"


@dataclass(frozen=True)
class DiskEvent:
    event: str
    time: datetime
    kept_at: str | None = None
    by: str | None = None
    note: str | None = None


def read_events(records: Iterable[LedgerRecord]) -> dict[str, list[DiskEvent]]:
    """Events by the name of the destination, oldest first."""
    events: dict[str, list[DiskEvent]] = {}
    for record in records:
        name = _text(record.facts, "destination")
        if record.kind == KIND and name:
            event = DiskEvent(
                event=_text(record.facts, "event") or "",
                time=record.time,
                kept_at=_text(record.facts, "kept_at"),
                by=_text(record.facts, "by"),
                note=_text(record.facts, "note"),
            )
            events.setdefault(name, []).append(event)
    return events


def last_hand_over(events: Iterable[DiskEvent]) -> DiskEvent | None:
    return max(
        (each for each in events if each.event == HAND_OVER),
        key=lambda each: each.time,
        default=None,
    )


def newest_snapshot(history: History, name: str) -> SnapshotMark | None:
    """The newest snapshot that a run or a sync is known to have put on a disk."""
    runs = [SnapshotMark(run.snapshot, run.finished) for run in history.runs if run.wrote(name)]
    syncs = [
        sync.newest
        for sync in history.syncs
        if sync.destination == name and sync.status == "ok" and sync.newest is not None
    ]
    return max([*runs, *syncs], key=lambda mark: mark.time, default=None)


def last_proof(history: History, name: str) -> Proof | None:
    """The newest check or drill of a disk that went well."""
    proofs = (*history.checks, *history.drills)
    good = [each for each in proofs if each.destination == name and each.status == "ok"]
    return max(good, key=lambda each: each.time, default=None)


def next_due(newest: Mapping[str, datetime | None]) -> str | None:
    """The disk to plug in next: the one whose newest snapshot is oldest, or that has none."""
    if not newest:
        return None
    return min(newest, key=lambda name: (newest[name] is not None, _stamp(newest[name])))


def _stamp(moment: datetime | None) -> float:
    return moment.timestamp() if moment else 0.0


def _text(facts: Mapping[str, object], key: str) -> str | None:
    value = facts.get(key)
    return value if isinstance(value, str) and value else None

"""The register, read from the ledger's records."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from lpse_ops.backup.diskregister import (
    DiskEvent,
    last_hand_over,
    last_proof,
    newest_snapshot,
    next_due,
    read_events,
)
from lpse_ops.backup.statusfacts import read_history

NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)


@dataclass
class Record:
    kind: str
    day: int
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def time(self) -> datetime:
        return NOON + timedelta(days=self.day)


def disk(day: int, event: str, name: str = "disk-a", **facts: Any) -> Record:
    return Record("disk", day, {"event": event, "destination": name, **facts})


def test_the_last_hand_over_says_where_a_disk_lies_and_who_brought_it_there() -> None:
    records = [
        disk(0, "init", kept_at="Brankas Setda"),
        disk(1, "hand-over", kept_at="Brankas Setda", by="Budi"),
        disk(2, "plugged"),
        disk(3, "hand-over", kept_at="Dinas Arsip", by="Sari", note="lewat jalan darat"),
        disk(4, "hand-over", "disk-b", kept_at="Rumah", by="Ani"),
        disk(5, "plugged"),
        Record("backup", 6, {"destination": "disk-a", "event": "hand-over"}),
    ]
    found = last_hand_over(read_events(records)["disk-a"])
    expected = DiskEvent(
        "hand-over", NOON + timedelta(days=3), "Dinas Arsip", "Sari", "lewat jalan darat"
    )
    assert found == expected
    assert last_hand_over([]) is None


@pytest.mark.parametrize("facts", [{}, {"destination": 5}, {"destination": ""}])
def test_records_of_no_disk_are_left_out(facts: dict[str, Any]) -> None:
    assert read_events([Record("disk", 0, facts)]) == {}


def backup(day: int, snapshot: str, **states: str) -> Record:
    destinations = {name.replace("_", "-"): {"status": each} for name, each in states.items()}
    moment = (NOON + timedelta(days=day)).isoformat()
    facts = {"status": "ok", "snapshot": snapshot, "finished": moment, "started": moment}
    return Record("backup", day, {**facts, "destinations": destinations})


def test_the_newest_snapshot_comes_from_runs_and_syncs_that_wrote_to_the_disk() -> None:
    synced = {"destination": "disk-b", "status": "ok", "newest_snapshot": "s2"}
    history = read_history(
        [
            backup(0, "s1", disk_a="written", disk_b="away"),
            backup(1, "s2", disk_a="written", disk_b="failed"),
            Record("sync", 2, {**synced, "newest_snapshot_time": NOON.isoformat()}),
            backup(3, "s3", disk_a="away", disk_b="away"),
        ]
    )
    found = {name: newest_snapshot(history, name) for name in ("disk-a", "disk-b", "disk-c")}
    assert {name: mark and mark.id for name, mark in found.items()} == {
        "disk-a": "s2",
        "disk-b": "s2",
        "disk-c": None,
    }


def test_a_check_that_found_damage_verified_nothing() -> None:
    history = read_history(
        [
            Record("check", 1, {"destination": "disk-a", "status": "ok"}),
            Record("drill", 2, {"destination": "disk-a", "status": "ok"}),
            Record("check", 3, {"destination": "disk-a", "status": "damaged"}),
            Record("drill", 4, {"destination": "disk-b", "status": "ok"}),
        ]
    )
    proof = last_proof(history, "disk-a")
    assert proof is not None
    assert (proof.kind, proof.time) == ("drill", NOON + timedelta(days=2))
    assert last_proof(history, "disk-c") is None


@pytest.mark.parametrize(
    ("newest", "due"),
    [
        ({}, None),
        ({"a": NOON}, "a"),
        ({"a": NOON, "b": NOON - timedelta(days=1)}, "b"),
        ({"a": NOON - timedelta(days=9), "b": None}, "b"),
        ({"a": None, "b": None}, "a"),
    ],
    ids=["none", "one", "older", "never written", "both never"],
)
def test_the_disk_with_the_oldest_copy_is_due(
    newest: dict[str, datetime | None], due: str | None
) -> None:
    assert next_due(newest) == due

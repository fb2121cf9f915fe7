"""The room left at destinations: written down by each run, warned of when it runs out."""

import io
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from lpse_ops.backup.diskforecast import Room
from lpse_ops.cli.backup_places import AWAY, WRITTEN, Outcome
from lpse_ops.cli.destination_room import room_fields, warn_if_short
from lpse_ops.cli.wiring import App
from tests.fakes import FixedClock

NOW = datetime(2026, 3, 30, tzinfo=UTC)


@pytest.fixture
def app(tmp_path: Path) -> App:
    places = (
        f"{{name: here, location: {tmp_path}}}",
        f"{{name: gone, location: {tmp_path}/none}}",
        f"{{name: out, location: {tmp_path}}}",
        f"{{name: disk, location: {tmp_path}/repo, disk: {{uuid: 0000-0000}}}}",
        "{name: far, location: 's3:https://s3.example.id/b'}",
    )
    settings = tmp_path / "lpse-ops.yml"
    settings.write_text(
        "site: {name: A, slug: lpse-a, time_zone: WITA}\n"
        f"backup: {{destinations: [{', '.join(places)}]}}\n"
    )
    return App(
        settings_file=settings,
        environment={"LPSE_OPS_STATE": str(tmp_path / "state")},
        stderr=io.StringIO(),
    )


def test_only_the_room_of_what_was_written_and_is_here_is_known(app: App) -> None:
    outcomes = dict.fromkeys(("here", "gone", "disk", "far"), Outcome(WRITTEN))
    found = room_fields(app, {**outcomes, "out": Outcome(AWAY)})
    assert list(found) == ["here"]
    assert 0 < found["here"]["free_bytes"] <= found["here"]["total_bytes"]


def run_for(app: App, rooms: list[Room]) -> str:
    """Runs of these moments in the log, and what the last one warns of."""
    for room in rooms:
        app.clock = FixedClock(room.time)
        fields = {"free_bytes": room.free_bytes, "total_bytes": room.total_bytes}
        app.ledger.append("backup", {"status": "ok", "bytes_stored": 50, "room": {"here": fields}})
    warn_if_short(app, app.settings.backup.destinations[0])
    return str(app.stderr.getvalue())  # type: ignore[attr-defined]


def test_a_disk_that_will_be_full_is_warned_of(app: App) -> None:
    rooms = [Room(NOW - timedelta(days=day), 100 + 10 * day, 999) for day in range(20, -1, -1)]
    assert "disk here is full in about 10 days: lpse-ops backup forget --prune" in run_for(
        app, rooms
    )


def test_after_a_prune_nobody_is_frightened(app: App) -> None:
    """As much is stored each day as is free: but a prune has just given it back."""
    days = range(20, -1, -1)
    rooms = [Room(NOW - timedelta(days=day), 50 if day % 7 else 350, 999) for day in days]
    assert run_for(app, rooms) == ""

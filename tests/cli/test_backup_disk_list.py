"""What the list of disks warns of: decided from values."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from lpse_ops.backup.disk import DiskState, DiskStatus, PortableDisk, Seen, judge
from lpse_ops.backup.diskforecast import Room
from lpse_ops.backup.diskmounts import Mount
from lpse_ops.backup.diskrecord import DiskRecord
from lpse_ops.backup.diskregister import DiskEvent
from lpse_ops.backup.statusfacts import History
from lpse_ops.cli.backup_disk_list import Row, find_warnings, make_row
from lpse_ops.cli.settings import Destination, Disk

NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)
AT = Path("/mnt/a")
MOUNT = Mount(7, "8:17", "/", AT, "ext4", "/dev/sdb1", is_read_only=False)
ROOT = Mount(1, "8:1", "/", Path("/"), "ext4", "/dev/sda1", is_read_only=False)
HERE = Seen(
    AT / "repo",
    MOUNT,
    "uuid",
    record=DiskRecord("a", "uuid", NOON),
    free_bytes=130,
    total_bytes=900,
)


def state(seen: Seen) -> DiskState:
    return judge(PortableDisk("a", "uuid", AT / "repo"), seen)


def row(seen: Seen, growth: int | None = None) -> Row:
    return Row(state(seen), "Brankas Setda", None, None, None, growth)


AWAY = row(Seen(AT, ROOT, "root"))


def test_a_disk_in_the_safe_is_no_trouble() -> None:
    assert AWAY.state.status is DiskStatus.AWAY
    assert find_warnings([AWAY, row(HERE)]) == []
    assert find_warnings([]) == []


def test_every_disk_plugged_in_is_against_the_rule() -> None:
    (warning,) = find_warnings([row(HERE), row(HERE)])
    assert "Ps 27(2)" in warning
    assert "lpse-ops backup disk eject a --to PLACE --by NAME" in warning


@pytest.mark.parametrize(("growth", "days"), [(10, 13), (9, 14), (None, None), (0, None)])
def test_less_than_two_weeks_of_room_are_told(growth: int | None, days: int | None) -> None:
    warnings = [each for each in find_warnings([row(HERE, growth), AWAY]) if "full in" in each]
    assert row(HERE, growth).days_until_full == days
    assert len(warnings) == (days is not None and days < 14)
    assert row(Seen(AT, ROOT, "root"), 10).days_until_full is None, (
        "nothing is known of a disk away"
    )


def test_what_is_wrong_with_a_disk_is_told_with_what_to_type() -> None:
    plugged = row(Seen(AT, ROOT, "root", device="/dev/sdb1"))
    (warning,) = find_warnings([plugged, AWAY])
    assert "is plugged in (/dev/sdb1) but not mounted" in warning
    assert "lpse-ops backup disk mount a" in warning
    (warning,) = find_warnings([replace(AWAY, kept_at=None)])
    assert "where is a kept?" in warning


def test_where_a_disk_lies_is_where_it_was_carried_last() -> None:
    settled = Destination("a", str(AT / "repo"), disk=Disk("uuid", "Brankas Setda"))
    carried = DiskEvent("hand-over", NOON + timedelta(days=1), "Dinas Arsip", "Budi")
    events = {"a": [carried, DiskEvent("plugged", NOON + timedelta(days=2))]}
    seen = state(HERE)
    assert make_row(settled, seen, events, History(), NOON).kept_at == "Dinas Arsip"
    assert make_row(settled, seen, {}, History(), NOON).kept_at == "Brankas Setda"


def test_a_disk_fills_by_what_became_of_it_and_not_of_another_one() -> None:
    settled = Destination("a", str(AT / "repo"), disk=Disk("uuid", "Brankas Setda"))
    room = [Room(NOON - timedelta(days=day), 130 + 10 * day, 900) for day in range(20, -1, -1)]
    for rooms, days in (({"a": tuple(room)}, 13), ({"b": tuple(room)}, None)):
        row = make_row(settled, state(HERE), {}, History(rooms=rooms), NOON)
        assert row.days_until_full == days

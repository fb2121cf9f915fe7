"""Which snapshots the words and filters of a command line choose."""

from datetime import UTC, datetime

from lpse_ops.backup.snapshot import Snapshot
from lpse_ops.cli.backup_options import EVERY_SNAPSHOT, Only


def snapshot(day: int, hostname: str) -> Snapshot:
    return Snapshot(
        time=datetime(2026, 3, day, 12, tzinfo=UTC),
        tree=bytes(32),
        paths=("/srv",),
        hostname=hostname,
        id=f"ab{day:02}" + "0" * 60,
    )


OLD, OTHER, NEW = SNAPSHOTS = [snapshot(1, "contoh"), snapshot(2, "other"), snapshot(3, "contoh")]


def test_what_is_named_is_chosen_once_in_the_order_of_its_names():
    assert EVERY_SNAPSHOT.choose_each(SNAPSHOTS, ["latest", "ab01", "ab03"]) == [NEW, OLD]


def test_without_a_name_all_that_match_are_chosen():
    assert EVERY_SNAPSHOT.choose_each(SNAPSHOTS, ()) == SNAPSHOTS
    assert Only("contoh", (), ()).choose_each(SNAPSHOTS, ()) == [OLD, NEW]
    assert Only("other", (), ()).choose_each(SNAPSHOTS, ["latest"]) == [OTHER]

"""Which destination a disk becomes: decided from values."""

from pathlib import Path

import pytest

from lpse_ops.backup.diskinit import MountedDisk
from lpse_ops.backup.diskmounts import Mount
from lpse_ops.cli.backup_disk_init import next_step, plan_destination, settings_fields
from lpse_ops.cli.settings import Destination, Disk
from lpse_ops.errors import UsageError

ID = "4f0c" * 16
AT = Path("/mnt/b")
DISK = MountedDisk(
    Mount(7, "8:17", "/", AT, "ext4", "/dev/sdb1", is_read_only=False), "/dev/sdb1", "uuid-b"
)
FIRST = Destination("disk-a", "/mnt/a/repo", ID, Disk("uuid-a"))


def plan(*known: Destination, name: str = "disk-b", kept_at: str | None = None) -> Destination:
    return plan_destination(known, name, DISK, "repo", "Disk B", kept_at)


def test_a_new_disk_is_a_clone_of_the_first() -> None:
    new = plan(FIRST, kept_at="Brankas")
    assert new == Destination("disk-b", "/mnt/b/repo", ID, Disk("uuid-b", "Brankas", "Disk B"))
    assert next_step([FIRST], new) == "lpse-ops backup sync disk-b"


def test_the_very_first_disk_wants_a_repository() -> None:
    new = plan()
    assert new.repository_id is None
    assert next_step([], new) == "lpse-ops backup init"
    assert settings_fields(new) == {
        "name": "disk-b",
        "location": "/mnt/b/repo",
        "disk": {"uuid": "uuid-b", "label": "Disk B"},
    }


def test_a_destination_that_is_on_the_disk_keeps_its_place() -> None:
    known = Destination("disk-b", "/mnt/b/old/repo", ID)
    new = plan(known)
    assert (new.location, new.repository_id) == ("/mnt/b/old/repo", ID)
    assert next_step([known], new) == "lpse-ops backup"


def test_what_was_said_of_a_disk_stays_unless_it_is_said_anew() -> None:
    known = Destination("disk-b", "/mnt/b/repo", ID, Disk("UUID-B", "Brankas", "old"))
    assert plan(known).disk == Disk("UUID-B", "Brankas", "Disk B")
    assert plan(known, kept_at="Dinas Arsip").disk == Disk("UUID-B", "Dinas Arsip", "Disk B")


@pytest.mark.parametrize(
    ("known", "message"),
    [
        (Destination("disk-x", "/mnt/b/x", ID, Disk("uuid-b")), "this disk is destination disk-x"),
        (Destination("disk-b", "/mnt/b/repo", ID, Disk("uuid-c")), "is another disk, with UUID"),
        (Destination("disk-b", "/mnt/bb/repo", ID), "which is not on the disk at /mnt/b"),
        (Destination("disk-b", "s3:https://s3.example.id/b", ID), "which is not on the disk"),
    ],
    ids=["another name", "another disk", "another place", "no folder"],
)
def test_one_disk_is_not_taken_for_another(known: Destination, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        plan(FIRST, known)

"""Whether the disk that is meant is there: each verdict, and that nothing else is ever written.

On real file systems; only what cannot be had here (a machine full of disks) is told as values.
"""

import contextlib
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from lpse_ops.backup.disk import (
    DiskAway,
    DiskStatus,
    PortableDisk,
    Seen,
    find_disk,
    judge,
    open_disk,
    suggest_mount_point,
)
from lpse_ops.backup.diskactions import find_users
from lpse_ops.backup.diskbackend import DiskBackend
from lpse_ops.backup.diskdevices import SystemDisks
from lpse_ops.backup.diskinit import find_mounted, write_record
from lpse_ops.backup.diskmounts import Mount
from lpse_ops.backup.diskrecord import NAME, DiskRecord
from lpse_ops.backup.storage.backend import FileKind, file_name
from lpse_ops.errors import OpsError, StorageError, UsageError
from tests.backup.portabledisks import LoopDisk, make_disk, own_mounts

FACTS = SystemDisks()
NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)
ID, OTHER_ID = "4f0c" * 16, "dead" * 16
UUID = "1b2c3d4e-0000-0000-0000-000000000000"
AT = Path("/mnt/disk-a")
LOCATION = AT / "repo"
DISK = PortableDisk("disk-a", UUID, LOCATION, ID, "merah")
PACK = "ab" * 32


def mount(point: Path = AT, *, is_read_only: bool = False) -> Mount:
    return Mount(7, "8:17", "/", point, "ext4", "/dev/sdb1", is_read_only)


def record(uuid: str = UUID, repository_id: str | None = ID) -> DiskRecord:
    return DiskRecord("disk-a", uuid, NOON, None, repository_id)


HERE = Seen(LOCATION, mount(), UUID, record=record())
VERDICTS = {
    "ready": (HERE, DiskStatus.READY, "", ""),
    "no id yet": (HERE._replace(record=record(repository_id=None)), DiskStatus.READY, "", ""),
    "upper case": (HERE._replace(here_uuid=UUID.upper()), DiskStatus.READY, "", ""),
    "read-only": (
        HERE._replace(here=mount(is_read_only=True)),
        DiskStatus.READ_ONLY,
        "disk disk-a (merah) is mounted read-only",
        "mount -o remount,rw /mnt/disk-a",
    ),
    "no record": (
        HERE._replace(record=None),
        DiskStatus.NO_RECORD,
        "has no record in /mnt/disk-a/repo",
        "lpse-ops backup disk init /mnt/disk-a --name disk-a",
    ),
    "damaged record": (
        HERE._replace(record=None, record_problem="the disk's record is damaged"),
        DiskStatus.NO_RECORD,
        "the disk's record is damaged",
        "lpse-ops backup disk init /mnt/disk-a --name disk-a",
    ),
    "copied from another disk": (
        HERE._replace(record=record("ffff")),
        DiskStatus.FOREIGN,
        "was copied from another disk (UUID ffff)",
        "plug in the disk disk-a itself",
    ),
    "another repository": (
        HERE._replace(record=record(repository_id=OTHER_ID)),
        DiskStatus.FOREIGN,
        "is of repository deaddeadde, but destination disk-a is pinned to 4f0c4f0c4f",
        "repository_id in lpse-ops.yml",
    ),
    "away": (
        Seen(AT, mount(Path("/")), "root"),
        DiskStatus.AWAY,
        "disk disk-a (merah) is not plugged in",
        "lpse-ops backup disk mount disk-a",
    ),
    "not mounted": (
        Seen(AT, mount(Path("/")), "root", device="/dev/sdb1"),
        DiskStatus.NOT_MOUNTED,
        "is plugged in (/dev/sdb1) but not mounted",
        f"mount UUID={UUID} /mnt/disk-a",
    ),
    "mounted elsewhere": (
        Seen(AT, mount(Path("/")), "root", Path("/media/usb"), "/dev/sdb1"),
        DiskStatus.ELSEWHERE,
        "is mounted at /media/usb, but its place is /mnt/disk-a/repo",
        f"umount /media/usb && mkdir -p /mnt/disk-a && mount UUID={UUID} /mnt/disk-a",
    ),
    "another disk": (
        Seen(LOCATION, mount(), "ffff"),
        DiskStatus.ANOTHER_DISK,
        "is not plugged in: at /mnt/disk-a is UUID ffff",
        "umount /mnt/disk-a",
    ),
    "another file system": (
        Seen(LOCATION, mount()),
        DiskStatus.ANOTHER_DISK,
        "at /mnt/disk-a is a ext4 file system whose UUID cannot be read (are you root?)",
        f"mount UUID={UUID} /mnt/disk-a",
    ),
    "the folder of mount points is a mount itself": (
        Seen(AT, mount(Path("/mnt")), "ffff"),
        DiskStatus.AWAY,
        "disk disk-a (merah) is not plugged in",
        "plug it in, then: lpse-ops backup disk mount disk-a",
    ),
    "on another disk of the machine": (
        Seen(Path("/mnt/data"), mount(Path("/mnt/data")), "ffff"),
        DiskStatus.AWAY,
        "disk disk-a (merah) is not plugged in",
        "plug it in, then: lpse-ops backup disk mount disk-a",
    ),
    "another disk that is the repository's folder": (
        Seen(LOCATION, mount(LOCATION), "ffff"),
        DiskStatus.ANOTHER_DISK,
        "is not plugged in: at /mnt/disk-a/repo is UUID ffff",
        "umount /mnt/disk-a/repo",
    ),
    "broken": (
        Seen(LOCATION, trouble="Input/output error"),
        DiskStatus.BROKEN,
        "cannot read /mnt/disk-a/repo: Input/output error",
        "fsck",
    ),
}


@pytest.mark.parametrize("name", VERDICTS)
def test_every_verdict_is_one_line_and_says_what_to_type(name: str) -> None:
    seen, status, message, hint = VERDICTS[name]
    state = judge(DISK, seen)
    assert state.status is status
    assert message in state.message
    assert hint in state.hint
    assert "\n" not in state.message + state.hint
    assert bool(state.hint) is bool(state.message) is (status is not DiskStatus.READY)
    assert state.is_usable is (status is DiskStatus.READY)


@pytest.mark.parametrize(
    ("location", "nearest", "point"),
    [
        ("/mnt/disk-a/repo", "/mnt/disk-a", "/mnt/disk-a"),
        ("/mnt/disk-a/repo", "/mnt", "/mnt/disk-a"),
        ("/mnt/disk-a", "/mnt", "/mnt/disk-a"),
        ("/mnt/disk-a/of/ours/repo", "/mnt/disk-a", "/mnt/disk-a"),
        # Where desktops mount: the folder of a user is there before any disk.
        ("/media/user/disk/repo", "/media/user", "/media/user/disk"),
        ("/media/user/disk/repo", "/media", "/media/user/disk"),
        ("/media/disk/repo", "/media/disk", "/media/disk"),
        ("/run/media/user/disk/repo", "/run/media/user", "/run/media/user/disk"),
        ("/run/media/user/disk/repo", "/run", "/run/media/user/disk"),
    ],
)
def test_the_mount_point_is_what_is_there_without_the_disk(
    location: str, nearest: str, point: str
) -> None:
    assert suggest_mount_point(Path(location), Path(nearest)) == Path(point)


@pytest.fixture(scope="module", autouse=True)
def _mounts() -> Iterator[None]:
    with own_mounts():
        yield


# -- on real disks -----------------------------------------------------------------------------


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[LoopDisk]:
    with make_disk(tmp_path / "a.img") as made:
        yield made


@pytest.fixture
def point(tmp_path: Path) -> Path:
    folder = tmp_path / "mnt" / "disk-a"
    folder.mkdir(parents=True)
    return folder


def settled(disk: LoopDisk, point: Path, repository_id: str | None = ID) -> PortableDisk:
    """Mount a disk and make it one of ours."""
    disk.mount(point)
    known = PortableDisk("disk-a", disk.uuid, point / "repo", repository_id)
    made = DiskRecord("disk-a", disk.uuid, NOON, None, repository_id)
    write_record(find_mounted(point, FACTS), known.location, made)
    return known


def test_a_disk_that_was_made_ours_is_ready(disk: LoopDisk, point: Path) -> None:
    known = settled(disk, point)
    state = find_disk(known, FACTS)
    assert state.status is DiskStatus.READY
    assert 0 < state.seen.free_bytes < state.seen.total_bytes
    with closing(open_disk(known, FACTS)) as backend:
        backend.save(file_name(FileKind.PACK, PACK), b"x")
        assert backend.location == str(known.location)
    assert (known.location / file_name(FileKind.PACK, PACK)).read_bytes() == b"x"


def refused(known: PortableDisk, status: DiskStatus, error: type[OpsError] = DiskAway) -> None:
    assert find_disk(known, FACTS).status is status
    with pytest.raises(error):
        open_disk(known, FACTS)


def test_an_unplugged_disk_leaves_its_mount_point_empty(disk: LoopDisk, point: Path) -> None:
    known = settled(disk, point)
    disk.unplug()
    refused(known, DiskStatus.AWAY)
    disk.plug()
    refused(known, DiskStatus.NOT_MOUNTED)
    assert list(point.iterdir()) == []


def test_a_pulled_disk_is_away_also_where_its_folder_lies_on_a_mount(
    disk: LoopDisk, point: Path
) -> None:
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", point.parent], check=True)
    known = settled(disk, point)
    disk.unplug()
    refused(known, DiskStatus.AWAY)
    assert "umount" not in find_disk(known, FACTS).hint
    disk.plug()
    refused(known, DiskStatus.NOT_MOUNTED)


def test_a_folder_on_the_root_disk_that_looks_the_same_is_not_taken(
    disk: LoopDisk, point: Path
) -> None:
    known = settled(disk, point)
    content = (known.location / NAME).read_bytes()
    disk.unplug()
    (known.location / "lpse").mkdir(parents=True)
    (known.location / NAME).write_bytes(content)
    assert find_disk(known, FACTS).is_away


def test_another_disk_in_its_place_is_told_by_its_uuid(
    disk: LoopDisk, point: Path, tmp_path: Path
) -> None:
    known = settled(disk, point)
    disk.unplug()
    with make_disk(tmp_path / "b.img") as other:
        other.mount(point)
        refused(known, DiskStatus.ANOTHER_DISK)
        assert other.uuid in find_disk(known, FACTS).message
        assert sorted(each.name for each in point.iterdir()) == ["lost+found"]


def test_a_disk_over_the_right_one_hides_it(disk: LoopDisk, point: Path, tmp_path: Path) -> None:
    known = settled(disk, point)
    with make_disk(tmp_path / "b.img") as other:
        other.mount(point)
        refused(known, DiskStatus.ELSEWHERE)


def test_a_disk_that_is_mounted_elsewhere(disk: LoopDisk, point: Path, tmp_path: Path) -> None:
    known = settled(disk, point)
    disk.unmount()
    disk.mount(tmp_path / "media")
    refused(known, DiskStatus.ELSEWHERE)
    assert str(tmp_path / "media") in find_disk(known, FACTS).message


def test_a_read_only_disk_is_for_reading(disk: LoopDisk, point: Path) -> None:
    known = settled(disk, point)
    disk.unmount()
    disk.mount(point, "ro")
    refused(known, DiskStatus.READ_ONLY, StorageError)
    with closing(open_disk(known, FACTS, for_reading=True)) as backend:
        assert backend.exists(NAME)
        with pytest.raises(StorageError, match="Read-only"):
            backend.save("config", b"x")


def test_a_disk_of_another_repository_is_refused(disk: LoopDisk, point: Path) -> None:
    known = settled(disk, point, OTHER_ID)
    ours = PortableDisk(known.name, known.uuid, known.location, ID)
    refused(ours, DiskStatus.FOREIGN, StorageError)
    mounted, ours_again = (
        find_mounted(point, FACTS),
        DiskRecord("disk-a", disk.uuid, NOON, None, ID),
    )
    with pytest.raises(UsageError, match="holds repository deaddeadde"):
        write_record(mounted, known.location, ours_again)


def test_a_disk_without_our_folder_is_not_written_to(disk: LoopDisk, point: Path) -> None:
    disk.mount(point)
    known = PortableDisk("disk-a", disk.uuid, point / "repo", ID)
    refused(known, DiskStatus.NO_RECORD, StorageError)
    assert not known.location.exists()


@pytest.mark.parametrize(
    "name",
    ["data", "locks", "lpse", "data/00", "config", "lpse-ops-log", "lpse-ops-log/lpse-contoh"],
)
def test_a_link_on_the_disk_does_not_lead_a_save_elsewhere(
    disk: LoopDisk, point: Path, tmp_path: Path, name: str
) -> None:
    known = settled(disk, point)
    (tmp_path / "elsewhere").mkdir()
    place = known.location / name
    place.parent.mkdir(exist_ok=True)
    if name == "lpse":
        shutil.move(place, tmp_path / "elsewhere" / "lpse")
        place.symlink_to(tmp_path / "elsewhere" / "lpse")
    else:
        place.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(StorageError, match="symbolic link"):
        open_disk(known, FACTS)


def test_what_somebody_put_on_the_disk_is_neither_waited_for_nor_read_without_end(
    disk: LoopDisk, point: Path
) -> None:
    known = settled(disk, point)
    os.mkfifo(known.location / "config")
    pack = known.location / file_name(FileKind.PACK, PACK)
    pack.parent.mkdir(parents=True)
    os.mkfifo(pack)
    key = known.location / "keys" / PACK
    key.parent.mkdir()
    key.touch()
    os.truncate(key, 1 << 40)
    with closing(open_disk(known, FACTS)) as backend:
        for name in ("config", file_name(FileKind.PACK, PACK)):
            with pytest.raises(StorageError, match=f"{known.location}/{name}: it is a FIFO"):
                backend.load(name)
        with pytest.raises(StorageError, match="has 1099511627776 bytes") as huge:
            backend.load(f"keys/{PACK}")
        assert huge.value.message.startswith(str(key))


@pytest.mark.parametrize("name", ["/", "/srv"])
def test_a_folder_of_the_systems_disk_that_is_mounted_again_is_no_portable_disk(name: str) -> None:
    class Facts(SystemDisks):
        def mounts(self) -> tuple[Mount, ...]:
            return (mount(Path(name)), mount()._replace(root="/data"))

    with pytest.raises(UsageError, match="belongs to this machine itself"):
        find_mounted(AT, Facts())


def test_no_descriptor_is_left_open(disk: LoopDisk, point: Path) -> None:
    known = settled(disk, point)
    open_disk(known, FACTS).close()
    backend = open_disk(known, FACTS)
    del backend
    find_disk(known, FACTS)
    find_disk(PortableDisk("x", "0000", point / "none"), FACTS)
    with pytest.raises(DiskAway):
        open_disk(PortableDisk("x", "0000", point / "repo"), FACTS)
    (known.location / "locks").symlink_to(point)
    with pytest.raises(StorageError):
        open_disk(known, FACTS)
    assert list(find_users(point)) == []
    disk.unmount()


# -- pulled out while it is written to ---------------------------------------------------------


def lazily(disk: LoopDisk) -> None:
    disk.unplug(wait=False)


def with_the_plug(disk: LoopDisk) -> None:
    disk.pull()


def try_to_save(backend: DiskBackend, file_id: str) -> None:
    """It may work while the disk is unmounted but not yet gone."""
    with contextlib.suppress(StorageError):
        backend.save(file_name(FileKind.PACK, file_id), os.urandom(5 << 20))
        backend.save(file_name(FileKind.INDEX, file_id), b"{}")


@pytest.mark.parametrize("take_out", [lazily, with_the_plug])
def test_no_save_after_the_disk_is_gone_lands_on_the_root_disk(
    disk: LoopDisk, point: Path, take_out: Callable[[LoopDisk], None]
) -> None:
    known = settled(disk, point)
    with closing(open_disk(known, FACTS)) as backend:
        backend.prepare()
        backend.save(file_name(FileKind.PACK, PACK), b"before")
        take_out(disk)
        # What stands now under the path is a folder of the root disk.
        known.location.mkdir()
        for number in range(3):
            try_to_save(backend, f"{number:02x}" * 32)
    assert [each for each in point.rglob("*") if each != known.location] == []
    known.location.rmdir()
    # The next run finds what was stored before unharmed.
    disk.mount(point)
    with closing(open_disk(known, FACTS)) as backend:
        assert backend.load(file_name(FileKind.PACK, PACK)) == b"before"
        backend.save(file_name(FileKind.PACK, "cd" * 32), b"after")


def test_a_pulled_disk_is_told_as_that(disk: LoopDisk, point: Path) -> None:
    known = settled(disk, point)
    with closing(open_disk(known, FACTS)) as backend:
        backend.prepare()
        disk.pull()
        with pytest.raises(StorageError, match="Input/output error") as gone:
            backend.save(file_name(FileKind.PACK, PACK), b"x")
    assert "was disk-a pulled out?" in gone.value.hint
    assert str(known.location) in gone.value.message
    assert "/proc" not in gone.value.message


def test_a_closed_backend_writes_nowhere(disk: LoopDisk, point: Path, tmp_path: Path) -> None:
    known = settled(disk, point)
    backend = open_disk(known, FACTS)
    backend.close()
    backend.close()
    # Takes the number that the backend had.
    reused = os.open(tmp_path, os.O_RDONLY)
    try:
        with pytest.raises(StorageError):
            backend.save("config", b"x")
    finally:
        os.close(reused)
    assert not (tmp_path / "config").exists()
    assert not (known.location / "config").exists()

"""Portable disks as they are bought: ext4, exFAT, NTFS and FAT32 hold a whole repository.

Each disk is settled, written by us and by restic, taken out and plugged in again; both restics
then read every byte.  Two disks take turns, one fills up.
"""

import contextlib
import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from lpse_ops.backup.backuprun import BackupResult
from lpse_ops.backup.check import check_structure
from lpse_ops.backup.disk import DiskAway, DiskStatus, PortableDisk, find_disk, open_disk
from lpse_ops.backup.diskdevices import SystemDisks
from lpse_ops.backup.diskinit import find_mounted, write_record
from lpse_ops.backup.diskrecord import DiskRecord
from lpse_ops.backup.locking import LockTiming, hold_lock
from lpse_ops.backup.progress import SILENT
from lpse_ops.backup.prune import PruneOptions, prune
from lpse_ops.backup.pruneplan import MaxUnused
from lpse_ops.backup.repository import open_repository
from lpse_ops.backup.storage.backend import FileKind, file_name
from lpse_ops.backup.storage.fault import Fault, FaultBackend, Stopped
from lpse_ops.errors import StorageError
from tests.backup.cheap_repository import ID, PASSWORD, init_cheaply
from tests.backup.portabledisks import KINDS, LoopDisk, make_disk, own_mounts
from tests.backup.repositories import NOON, back_up
from tests.restic_binaries import Binaries

FACTS = SystemDisks()
SIZES = {"fat32": 48 << 20}
# What stands in here for the kernel's own FAT refuses chmod, on which restic 0.14 insists.
NO_CHMOD = "fat32"
MADE = datetime(2026, 3, 4, 12, tzinfo=UTC)


@pytest.fixture(scope="module", autouse=True)
def _mounts() -> Iterator[None]:
    with own_mounts():
        yield


@pytest.fixture(scope="module", params=KINDS)
def disk(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[LoopDisk]:
    folder = tmp_path_factory.mktemp("disk")
    with make_disk(folder / "disk.img", request.param, SIZES.get(request.param, 24 << 20)) as made:
        yield made


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    folder = tmp_path / "docs"
    folder.mkdir()
    (folder / "one.pdf").write_bytes(os.urandom(3000))
    (folder / "two.rhs").write_bytes(os.urandom(700_000))
    return folder


def settle(disk: LoopDisk, point: Path) -> PortableDisk:
    """A disk of ours with an empty repository."""
    disk.mount(point)
    location = point / "repo"
    write_record(
        find_mounted(point, FACTS), location, DiskRecord("disk-a", disk.uuid, MADE, None, ID)
    )
    init_cheaply(location)
    # Which did not make it durable.
    subprocess.run(["sync", "--file-system", location], check=True)
    return PortableDisk("disk-a", disk.uuid, location, ID)


def store(known: PortableDisk, source: Path, hour: int = 0) -> BackupResult:
    with closing(open_disk(known, FACTS)) as backend:
        repository = open_repository(backend, PASSWORD)
        return back_up(repository, source, time=NOON + timedelta(hours=hour))


def test_a_file_system_of_the_shop_holds_a_repository(
    disk: LoopDisk, tmp_path: Path, docs: Path, restic_binaries: Binaries
) -> None:
    point = tmp_path / "mnt"
    known = settle(disk, point)
    first = store(known, docs)
    assert store(known, docs, hour=1).counts.files_unmodified == 2
    (docs / "three").write_bytes(b"3" * 100_000)
    if disk.kind == NO_CHMOD:
        store(known, docs, hour=2)
    else:
        restic_binaries.old.run("backup", docs, repo=known.location, password=PASSWORD)
    disk.unmount()
    disk.unplug()
    assert find_disk(known, FACTS).status is DiskStatus.AWAY
    disk.mount(point)
    assert find_disk(known, FACTS).status is DiskStatus.READY
    check = ["check", "--read-data", *(["--no-lock"] if disk.kind == NO_CHMOD else [])]
    for restic in (restic_binaries.old, restic_binaries.new):
        restic.run(*check, repo=known.location, password=PASSWORD)
    forget_and_prune(known, first.snapshot.id)
    restic_binaries.new.run(*check, repo=known.location, password=PASSWORD)
    disk.unmount()


def forget_and_prune(known: PortableDisk, snapshot_id: str) -> None:
    with closing(open_disk(known, FACTS)) as backend:
        repository = open_repository(backend, PASSWORD)
        assert len(repository.snapshots()) == 3
        repository.remove(FileKind.SNAPSHOT, snapshot_id)
        options = PruneOptions(MaxUnused(percent=0))
        prune(repository, options, SILENT, now=NOON + timedelta(days=3))
        assert check_structure(repository).errors == []


@pytest.mark.parametrize("kind", ["ext4", "exfat"])
def test_a_full_disk_costs_one_run_and_harms_nothing(
    tmp_path: Path, docs: Path, restic_binaries: Binaries, kind: str
) -> None:
    with make_disk(tmp_path / "small.img", kind, 6 << 20) as disk:
        known = settle(disk, tmp_path / "mnt")
        store(known, docs)
        (docs / "large").write_bytes(os.urandom(8 << 20))
        with pytest.raises(StorageError, match="No space left on device") as full:
            store(known, docs, hour=1)
        assert f"df -h {known.location}" in full.value.hint
        (docs / "large").unlink()
        restic = restic_binaries.new
        restic.run("check", "--read-data", "--no-lock", repo=known.location, password=PASSWORD)
        with closing(open_disk(known, FACTS)) as backend:
            assert len(open_repository(backend, PASSWORD).snapshots()) == 1


@pytest.mark.parametrize("number", range(5))
def test_a_disk_pulled_out_before_any_operation_loses_that_run_and_nothing_else(
    tmp_path: Path, docs: Path, restic_binaries: Binaries, number: int
) -> None:
    """The operations are: lock, two packs, index, snapshot."""
    point = tmp_path / "mnt"
    with make_disk(tmp_path / "a.img") as disk:
        known = settle(disk, point)
        store(known, docs)
        (docs / "new").write_bytes(os.urandom(300_000))
        with pytest.raises((StorageError, Stopped)):
            store_until(known, docs, number, disk.pull)
        assert list(point.iterdir()) == [], "nothing was written into the empty mount point"
        disk.mount(point)
        for restic in (restic_binaries.old, restic_binaries.new):
            restic.run("check", "--read-data", "--no-lock", repo=known.location, password=PASSWORD)
        store(known, docs, hour=2)
        with closing(open_disk(known, FACTS)) as backend:
            assert len(open_repository(backend, PASSWORD).snapshots()) == 2


def store_until(known: PortableDisk, source: Path, number: int, pull: Callable[[], None]) -> None:
    """A backup during which the disk is pulled out before the change of a number."""

    def plan(count: int, _operation: str, _name: str) -> Fault | None:
        if count == number:
            pull()
        return None

    with closing(open_disk(known, FACTS)) as backend:
        repository = open_repository(FaultBackend(backend, plan), PASSWORD)
        with hold_lock(repository, timing=LockTiming(sleep=lambda _: None)):
            back_up(repository, source, time=NOON + timedelta(hours=1))


def test_a_file_system_whose_program_dies_is_told_as_a_disk_that_is_gone(
    tmp_path: Path, docs: Path
) -> None:
    point = tmp_path / "mnt"
    with make_disk(tmp_path / "a.img", "exfat") as disk:
        known = settle(disk, point)
        store(known, docs)
        with closing(open_disk(known, FACTS)) as backend:
            for pid in programs_of(disk):
                os.kill(pid, signal.SIGKILL)
            with pytest.raises(StorageError) as gone:
                backend.save(file_name(FileKind.PACK, "ab" * 32), b"x")
        assert "was disk-a pulled out?" in gone.value.hint
        assert find_disk(known, FACTS).status is DiskStatus.BROKEN
        disk.unplug()
        assert list(point.iterdir()) == []
        disk.mount(point)
        with closing(open_disk(known, FACTS)) as backend:
            assert len(open_repository(backend, PASSWORD).snapshots()) == 1


def programs_of(disk: LoopDisk) -> list[int]:
    """The programs behind a FUSE file system: those that were started with the device's name."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            words = (folder / "cmdline").read_bytes().split(b"\0")
            if str(disk.device).encode() in words and b"fuse" in words[0]:
                found.append(int(folder.name))
    assert found
    return found


def test_two_disks_take_turns_at_one_mount_point(tmp_path: Path, docs: Path) -> None:
    """Both belong to one place; each gets only what is meant for it."""
    point = tmp_path / "mnt"
    with make_disk(tmp_path / "a.img") as a, make_disk(tmp_path / "b.img", "exfat") as b:
        known = {}
        for disk in (a, b):
            known[disk.kind] = settle(disk, point)
            disk.unplug()
        for hour, (here, away) in enumerate([(a, b), (b, a), (a, b)]):
            here.mount(point)
            assert find_disk(known[away.kind], FACTS).status is DiskStatus.ANOTHER_DISK
            with pytest.raises(DiskAway):
                store(known[away.kind], docs, hour)
            store(known[here.kind], docs, hour)
            here.unmount()
            here.unplug()
        counts = {}
        for disk in (a, b):
            disk.mount(point)
            with closing(open_disk(known[disk.kind], FACTS)) as backend:
                counts[disk.kind] = len(open_repository(backend, PASSWORD).snapshots())
            disk.unplug()
        assert counts == {"ext4": 2, "exfat": 1}

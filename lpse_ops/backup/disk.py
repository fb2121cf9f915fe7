"""Portable disks: whether the one that is meant is there, and a backend that cannot miss it.

A disk is known by the UUID of its file system and the record beside the repository, never by path:
``judge`` decides from what was seen.  ``open_disk`` proves the disk through one descriptor and
hands that very descriptor to the backend (see ``diskbackend``).  Nothing is ever written before
the proof, and nothing beside the disk after it.
"""

import os
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple

from lpse_ops.backup.diskbackend import DiskBackend, refuse_links
from lpse_ops.backup.diskdevices import DiskFacts, is_same_uuid
from lpse_ops.backup.diskmounts import Mount, open_nearest, read_mount_id
from lpse_ops.backup.diskrecord import DiskRecord, RecordUnusable, load_record
from lpse_ops.errors import RepositoryMissing, StorageError


@dataclass(frozen=True)
class PortableDisk:
    """What the settings say of a disk; ``location`` is the repository's folder on it."""

    name: str
    uuid: str
    location: Path
    repository_id: str | None = None
    label: str | None = None


# ``/``, ``mnt`` and the name of the disk.
_PARTS = 3
_OF_USERS = (Path("/media"), Path("/run/media"))


class DiskStatus(StrEnum):
    READY = "ready"
    READ_ONLY = "read-only"
    NO_RECORD = "no-record"
    FOREIGN = "foreign"
    BROKEN = "broken"
    AWAY = "away"
    NOT_MOUNTED = "not-mounted"
    ELSEWHERE = "elsewhere"
    ANOTHER_DISK = "another-disk"


_AWAY = {DiskStatus.AWAY, DiskStatus.NOT_MOUNTED, DiskStatus.ELSEWHERE, DiskStatus.ANOTHER_DISK}


class Seen(NamedTuple):
    """What the machine shows: the mount that the location lies on, and where the disk is.

    ``nearest`` is the location or the nearest folder above it that exists; ``trouble`` is why
    nothing could be seen.
    """

    nearest: Path
    here: Mount | None = None
    here_uuid: str | None = None
    elsewhere: Path | None = None
    device: str | None = None
    record: DiskRecord | None = None
    record_problem: str = ""
    trouble: str = ""
    free_bytes: int = 0
    total_bytes: int = 0


@dataclass(frozen=True)
class DiskState:
    """``message`` is one line for people, ``hint`` what to type; both empty for a ready disk."""

    disk: PortableDisk
    status: DiskStatus
    seen: Seen
    message: str = ""
    hint: str = ""

    @property
    def is_usable(self) -> bool:
        return self.status is DiskStatus.READY

    @property
    def is_away(self) -> bool:
        """Nothing is wrong with the disk: it is just not where it can be written."""
        return self.status in _AWAY

    @property
    def is_here(self) -> bool:
        """The right file system is mounted where it should be, whatever is on it."""
        return not self.is_away

    @property
    def mount(self) -> Mount | None:
        return self.seen.here if self.is_here else None


class DiskAway(StorageError):
    """The disk is not plugged in, not mounted, or another one is in its place."""

    def __init__(self, state: DiskState) -> None:
        super().__init__(state.message, hint=state.hint)
        self.state = state


class DiskEmptied(RepositoryMissing):
    """The disk is there, and what was on it is not: nobody carried it away."""

    def __init__(self, name: str, location: str) -> None:
        super().__init__(
            f"disk {name} is plugged in, but there is no repository at {location}: it was emptied, "
            "or nothing was ever copied to it",
            hint=f"see who had it; lpse-ops backup sync {name} makes it a clone again",
        )


def find_disk(disk: PortableDisk, facts: DiskFacts) -> DiskState:
    """Where the disk is now; never raises, and never writes."""
    seen, descriptor = _look(disk, facts)
    if descriptor is not None:
        os.close(descriptor)
    return judge(disk, seen)


def open_disk(disk: PortableDisk, facts: DiskFacts, *, for_reading: bool = False) -> DiskBackend:
    """A backend on the proven disk; close it, or drop it, when the work is done.

    Raises ``DiskAway``, or ``StorageError`` for a disk that is there and must not be used.
    """
    seen, descriptor = _look(disk, facts)
    try:
        state = judge(disk, seen)
        if state.is_away:
            raise DiskAway(state)
        usable = {DiskStatus.READY, *([DiskStatus.READ_ONLY] if for_reading else [])}
        if descriptor is None or state.status not in usable:
            raise StorageError(state.message, hint=state.hint)
        refuse_links(descriptor)
        backend = DiskBackend(descriptor, disk.location, disk.name)
    except BaseException:
        if descriptor is not None:
            os.close(descriptor)
        raise
    return backend


def judge(disk: PortableDisk, seen: Seen) -> DiskState:
    """Turn what was seen into a verdict."""
    if seen.trouble:
        return DiskState(
            disk,
            DiskStatus.BROKEN,
            seen,
            f"{_known(disk)}: cannot read {seen.nearest}: {seen.trouble}",
            "was it pulled out? umount it, plug it in again, look at dmesg, and run fsck",
        )
    if seen.here is not None and is_same_uuid(seen.here_uuid, disk.uuid):
        return _judge_content(disk, seen, seen.here)
    return DiskState(disk, *_judge_absence(disk, seen))


def _judge_absence(disk: PortableDisk, seen: Seen) -> tuple[DiskStatus, Seen, str, str]:
    """Only what is mounted where the disk belongs is another disk in its place.

    A mount further up (``/mnt`` itself, a data disk) is the machine's own, and to be left alone.
    """
    known, point = _known(disk), suggest_mount_point(disk.location, seen.nearest)
    mount = f"mount UUID={disk.uuid} {point}"
    if seen.elsewhere is not None:
        message = f"{known} is mounted at {seen.elsewhere}, but its place is {disk.location}"
        hint = f"umount {seen.elsewhere} && mkdir -p {point} && {mount}"
        return DiskStatus.ELSEWHERE, seen, message, hint
    if seen.device is not None:
        message = f"{known} is plugged in ({seen.device}) but not mounted"
        hint = f"lpse-ops backup disk mount {disk.name}, or: mkdir -p {point} && {mount}"
        return DiskStatus.NOT_MOUNTED, seen, message, hint
    if seen.here is not None and seen.here.point in (disk.location, disk.location.parent):
        other = f"UUID {seen.here_uuid}"
        if seen.here_uuid is None:
            other = f"a {seen.here.kind} file system whose UUID cannot be read (are you root?)"
        message = f"{known} is not plugged in: at {seen.here.point} is {other}"
        there = seen.here.point
        hint = (
            f"take the other disk out (umount {there}), plug {disk.name} in, and "
            f"mount UUID={disk.uuid} {there}"
        )
        return DiskStatus.ANOTHER_DISK, seen, message, hint
    hint = f"plug it in, then: lpse-ops backup disk mount {disk.name}"
    return DiskStatus.AWAY, seen, f"{known} is not plugged in", hint


def _judge_content(disk: PortableDisk, seen: Seen, here: Mount) -> DiskState:
    """The verdict on the right file system at the right place."""
    again = f"lpse-ops backup disk init {here.point} --name {disk.name}"
    record = seen.record
    status, message, hint = DiskStatus.READY, "", ""
    if seen.record_problem:
        status, message = DiskStatus.NO_RECORD, f"{_known(disk)}: {seen.record_problem}"
        hint = f"see what is in {disk.location}; to write a new record: {again}"
    elif record is None:
        status, message = DiskStatus.NO_RECORD, f"{_known(disk)} has no record in {disk.location}"
        hint = f"is it the right folder? to make the disk one of ours: {again}"
    elif not is_same_uuid(record.uuid, disk.uuid):
        status = DiskStatus.FOREIGN
        message = f"{disk.location} was copied from another disk (UUID {record.uuid})"
        hint = f"plug in the disk {disk.name} itself; to make a clone of this one: {again}"
    elif _differ(record.repository_id, disk.repository_id):
        status = DiskStatus.FOREIGN
        message = (
            f"{disk.location} is of repository {str(record.repository_id)[:10]}, but destination "
            f"{disk.name} is pinned to {str(disk.repository_id)[:10]}"
        )
        hint = "is another disk plugged in? otherwise correct repository_id in lpse-ops.yml"
    elif here.is_read_only:
        status, message = DiskStatus.READ_ONLY, f"{_known(disk)} is mounted read-only"
        hint = (
            f"after a look at dmesg for errors: mount -o remount,rw {here.point}; "
            "a disk with errors wants fsck first"
        )
    return DiskState(disk, status, seen, message, hint)


def _differ(recorded: str | None, pinned: str | None) -> bool:
    """Whether both are known and are not the same."""
    return None not in (recorded, pinned) and recorded != pinned


def _known(disk: PortableDisk) -> str:
    return f"disk {disk.name}" + (f" ({disk.label})" if disk.label else "")


def suggest_mount_point(location: Path, nearest: Path) -> Path:
    """Where the disk is to be mounted, as far as one can tell while it is not.

    The mount point is the part of the location that is there without the disk.  ``/mnt`` and
    ``/media`` are on every machine, ``/media/USER`` on a desktop, and no disk is mounted on them.
    """
    for folder in (nearest, location.parent):
        if len(folder.parts) >= _PARTS and not _holds_mount_points(folder, location):
            return folder
    return location


def _holds_mount_points(folder: Path, location: Path) -> bool:
    """Whether a folder is, or may be, that of a user, below which a desktop mounts disks."""
    is_a_users = folder.parent in _OF_USERS and folder != location.parent
    return is_a_users or folder in _OF_USERS


def _look(disk: PortableDisk, facts: DiskFacts) -> tuple[Seen, int | None]:
    """What is there, and a descriptor of the location if that is on the right file system."""
    try:
        descriptor, nearest = open_nearest(disk.location)
    except OSError as error:
        return Seen(disk.location, trouble=str(error.strerror)), None
    keep = False
    try:
        seen = _see(disk, facts, descriptor, nearest)
        keep = nearest == disk.location and is_same_uuid(seen.here_uuid, disk.uuid)
    except OSError as error:
        seen = Seen(nearest, trouble=str(error.strerror))
    finally:
        if not keep:
            os.close(descriptor)
    return seen, descriptor if keep else None


def _see(disk: PortableDisk, facts: DiskFacts, descriptor: int, nearest: Path) -> Seen:
    mounts = facts.mounts()
    number = read_mount_id(descriptor)
    here = next((each for each in mounts if each.id == number), None)
    device = facts.device_of(here) if here else None
    seen = Seen(nearest, here, facts.uuid_of(device) if device else None)
    if is_same_uuid(seen.here_uuid, disk.uuid):
        return _with_content(seen, descriptor, is_location=nearest == disk.location)
    device = facts.find_device(disk.uuid)
    if device is None:
        return seen
    points = (each.point for each in mounts if facts.device_of(each) == device)
    return seen._replace(device=device, elsewhere=next(points, None))


def _with_content(seen: Seen, descriptor: int, *, is_location: bool) -> Seen:
    """Add what is on the disk."""
    room = os.fstatvfs(descriptor)
    seen = seen._replace(
        free_bytes=room.f_bavail * room.f_frsize, total_bytes=room.f_blocks * room.f_frsize
    )
    if not is_location:
        return seen
    try:
        return seen._replace(record=load_record(descriptor))
    except RecordUnusable as error:
        return seen._replace(record_problem=error.message)

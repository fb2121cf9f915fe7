"""Make a mounted file system one of our portable disks: a folder for the repository, the record."""

import contextlib
import os
from pathlib import Path
from typing import NamedTuple

from lpse_ops.backup.diskbackend import DiskBackend, refuse_links
from lpse_ops.backup.diskdevices import DiskFacts
from lpse_ops.backup.diskmounts import Mount, read_mount_id
from lpse_ops.backup.diskrecord import NAME, DiskRecord, encode_record, load_record
from lpse_ops.errors import StorageError, UsageError

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
# The machine itself lives on these.
_SYSTEM = {"/", "/boot", "/boot/efi", "/etc", "/home", "/opt", "/root", "/srv", "/usr", "/var"}


class MountedDisk(NamedTuple):
    """A mounted file system that can be told from every other."""

    mount: Mount
    device: str
    uuid: str


def find_mounted(point: Path, facts: DiskFacts) -> MountedDisk:
    """What is mounted at a folder; ``UsageError`` unless it can be a portable disk."""
    real = Path(os.path.realpath(point))
    # Of several mounted over each other, the last is seen.
    mount = next((each for each in reversed(facts.mounts()) if each.point == real), None)
    if mount is None:
        raise UsageError(
            f"nothing is mounted at {point}",
            hint=f"plug the disk in, see lsblk -f, and: mount /dev/sdX1 {point}",
        )
    # Also a folder of the system's disk that is mounted a second time.
    on_it = {str(each.point) for each in facts.mounts() if each.device == mount.device}
    if on_it & _SYSTEM:
        raise UsageError(
            f"{point} belongs to this machine itself: that is no portable disk",
            hint="mount the disk at a folder of its own, e.g. /mnt/disk-b",
        )
    device = facts.device_of(mount)
    uuid = facts.uuid_of(device) if device else None
    if device is None or uuid is None:
        raise UsageError(
            f"what is mounted at {point} ({mount.kind}) has no UUID to know it by",
            hint="take a disk with ext4, exFAT, NTFS or FAT, and run as root: see blkid",
        )
    if mount.is_read_only:
        raise UsageError(
            f"the disk at {point} is mounted read-only",
            hint=f"after a look at dmesg: mount -o remount,rw {point}",
        )
    return MountedDisk(mount, device, uuid)


def write_record(disk: MountedDisk, location: Path, record: DiskRecord) -> None:
    """Make the repository's folder on the disk, and write the record into it.

    A record of another repository is left alone: ``UsageError``.
    """
    folder = _open_folder(disk, location)
    try:
        _refuse_foreign(load_record(folder), record)
        refuse_links(folder)
        backend = DiskBackend(folder, location, record.name)
    except BaseException:
        os.close(folder)
        raise
    try:
        backend.save(NAME, encode_record(record))
    finally:
        backend.close()


def _open_folder(disk: MountedDisk, location: Path) -> int:
    """A descriptor of the location, made where it is missing; on the disk and nowhere else."""
    folder = os.open(disk.mount.point, _FOLDER)
    try:
        if read_mount_id(folder) != disk.mount.id:
            raise StorageError(
                f"the disk at {disk.mount.point} was unmounted just now", hint="mount it again"
            )
        for part in location.relative_to(disk.mount.point).parts:
            inner = _open_part(folder, part)
            os.close(folder)
            folder = inner
        if read_mount_id(folder) != disk.mount.id:
            raise StorageError(f"{location} is another file system", hint="see findmnt")
    except OSError as error:
        os.close(folder)
        raise StorageError(
            f"cannot make {location}: {error.strerror}", hint="is the disk full? see df -h, dmesg"
        ) from error
    except BaseException:
        os.close(folder)
        raise
    return folder


def _open_part(folder: int, part: str) -> int:
    with contextlib.suppress(FileExistsError):
        os.mkdir(part, 0o700, dir_fd=folder)
    return os.open(part, _FOLDER, dir_fd=folder)


def _refuse_foreign(found: DiskRecord | None, wanted: DiskRecord) -> None:
    if found is None or None in (found.repository_id, wanted.repository_id):
        return
    if found.repository_id != wanted.repository_id:
        raise UsageError(
            f"the disk holds repository {str(found.repository_id)[:10]} of destination "
            f"{found.name}, not {str(wanted.repository_id)[:10]}",
            hint="take another folder of the disk: --folder NAME, or another disk",
        )

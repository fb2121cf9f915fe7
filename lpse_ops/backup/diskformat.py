"""Make a new file system on a portable disk: the one thing here that destroys data.

Refused: what is mounted or in use, what has partitions or shares its disk with anything in use (the
system's own disk, also through LVM, RAID or encryption), what is part of a volume group, an array
or a pool, and what carries a file system, unless that is named by the disk's serial number or by
the file system's UUID.
"""

import os
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from lpse_ops.backup.diskdevices import Content, find_program, is_same_uuid, prove_content
from lpse_ops.backup.diskfamily import BLOCK, describe, is_claimed, read_family, read_number
from lpse_ops.backup.diskmounts import Mount
from lpse_ops.errors import StorageError, UsageError
from lpse_ops.process import run

FileSystem = Literal["ext4", "exfat"]
FILE_SYSTEMS: tuple[FileSystem, ...] = ("ext4", "exfat")
_PACKAGES = {"ext4": "e2fsprogs", "exfat": "exfatprogs"}
# An exFAT label holds 11 characters for old programs.
_LABEL_LENGTH = {"ext4": 16, "exfat": 11}
# By what blkid calls them: what they are part of, and what takes them out of it.
_MEMBERS = {
    "LVM2_member": ("an LVM volume group", "vgreduce, pvremove"),
    "linux_raid_member": ("a RAID array", "mdadm --zero-superblock"),
    "isw_raid_member": ("a RAID array", "mdadm --zero-superblock"),
    "ddf_raid_member": ("a RAID array", "mdadm --zero-superblock"),
    "zfs_member": ("a ZFS pool", "zpool labelclear"),
    "bcache": ("a bcache set", "bcache unregister"),
}


@dataclass(frozen=True)
class BlockDevice:
    """``siblings`` are the kernel's numbers of everything on the same disk, itself left out.

    ``holders`` are built on the device, ``busy`` are what the kernel uses of the same disk.
    """

    path: str
    size_bytes: int
    content: Content
    serial: str = ""
    is_partition: bool = False
    partitions: tuple[str, ...] = ()
    siblings: frozenset[str] = frozenset()
    holders: tuple[str, ...] = ()
    busy: tuple[str, ...] = ()


def read_device(path: str) -> BlockDevice:
    """What a device is and carries; ``UsageError`` if it is none."""
    device = os.path.realpath(path)
    name = _kernel_name(device)
    if name is None:
        raise UsageError(
            f"{path} is no block device",
            hint="see lsblk -o NAME,SIZE,MODEL,SERIAL,FSTYPE,MOUNTPOINT; e.g. /dev/sdb1",
        )
    own = (BLOCK / name).resolve()
    is_partition = (own / "partition").exists()
    disk = own.parent if is_partition else own
    parts = sorted(each.parent.name for each in disk.glob("*/partition"))
    family = read_family(name)
    return BlockDevice(
        path=device,
        size_bytes=_read_sectors(own) * 512,
        content=prove_content(device),
        serial=_serial(disk.name),
        is_partition=is_partition,
        partitions=() if is_partition else tuple(parts),
        siblings=frozenset({read_number(each) for each in (*family.others, *family.below)} - {""}),
        holders=tuple(map(describe, family.holders)),
        busy=tuple(describe(each) for each in family.others if is_claimed(each)),
    )


def _kernel_name(device: str) -> str | None:
    try:
        status = os.stat(device)
    except OSError:
        return None
    if not stat.S_ISBLK(status.st_mode):
        return None
    number = f"{os.major(status.st_rdev)}:{os.minor(status.st_rdev)}"
    return os.path.basename(os.path.realpath(f"/sys/dev/block/{number}"))


def refuse_format(device: BlockDevice, mounts: Sequence[Mount], erase: str | None) -> None:
    """Raise ``UsageError`` unless the device may be formatted; ``erase`` is what is to be lost."""
    # A boot sector of exFAT looks like a partition table, too.
    if device.partitions or (device.content.partition_table and not device.content.kind):
        names = ", ".join(device.partitions) or f"a {device.content.partition_table} table"
        raise UsageError(
            f"{device.path} has partitions: {names}", hint="name the partition, e.g. /dev/sdb1"
        )
    _refuse_used(device, mounts)
    _refuse_content(device, erase)


def _refuse_used(device: BlockDevice, mounts: Sequence[Mount]) -> None:
    if device.holders:
        raise UsageError(
            f"{device.path} is in use: {', '.join(device.holders)} is built on it",
            hint=f"that is no portable disk; see lsblk {device.path}",
        )
    point = next((each.point for each in mounts if each.device in device.siblings), None)
    if point is not None or device.busy:
        parts = f"another part of it is mounted at {point}" if point else ", ".join(device.busy)
        raise UsageError(
            f"{device.path} is on a disk that is in use: {parts}",
            hint="the system's own disk is no portable disk; see lsblk and swapon --show",
        )


def _refuse_content(device: BlockDevice, erase: str | None) -> None:
    found = device.content
    if found.kind in _MEMBERS:
        what, tool = _MEMBERS[found.kind]
        raise UsageError(
            f"{device.path} is part of {what}",
            hint="what is lost with it may lie on other disks, too; take it out of there first "
            f"({tool}), then: wipefs --all {device.path}",
        )
    if not found.kind or _is_named(device, erase):
        return
    names = " or ".join(f"--erase {each}" for each in (device.serial, found.uuid) if each)
    raise UsageError(
        f"{device.path} carries a file system: {found.kind}",
        hint=f"to destroy what is on it, name it: {names or 'wipefs -a it yourself'}",
    )


def _is_named(device: BlockDevice, erase: str | None) -> bool:
    return bool(erase) and (
        erase == device.serial or is_same_uuid(erase, device.content.uuid or None)
    )


def ensure_unused(device: str) -> None:
    """Ask the kernel: what is mounted, swapped to or part of an array cannot be opened alone."""
    try:
        os.close(os.open(device, os.O_RDWR | os.O_EXCL | os.O_CLOEXEC))
    except OSError as error:
        raise StorageError(
            f"{device} is in use, or may not be written: {error.strerror}",
            hint=f"umount it first (see lsblk {device}), and run as root",
        ) from error


def make_file_system(device: str, kind: FileSystem, label: str) -> None:
    """Format; everything on the device is gone."""
    program = find_program(f"mkfs.{kind}")
    if program is None:
        raise StorageError(
            f"there is no mkfs.{kind} on this machine", hint=f"apt install {_PACKAGES[kind]}"
        )
    ensure_unused(device)
    options = ["-q", "-F", "-m", "0"] if kind == "ext4" else []
    done = run([program, *options, "-L", label[: _LABEL_LENGTH[kind]], device])
    if done.status != 0:
        raise StorageError(
            f"cannot format {device}: {(done.stderr.strip().splitlines() or ['no reason'])[-1]}",
            hint="see dmesg for errors of the disk",
        )


def _read_sectors(folder: Path) -> int:
    try:
        return int((folder / "size").read_text(encoding="ascii"))
    except (OSError, ValueError):
        return 0


def _serial(disk: str) -> str:
    program = find_program("lsblk")
    if program is None:
        return ""
    done = run([program, "--nodeps", "--noheadings", "--output", "SERIAL", f"/dev/{disk}"])
    return done.stdout.decode(errors="replace").strip() if done.status == 0 else ""

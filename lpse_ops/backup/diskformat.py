"""Make a new file system on a portable disk: the one thing here that destroys data.

Refused: what is mounted or in use, what has partitions or lies beside a mounted one (the system's
own disk), and what carries a file system, unless that is named by the disk's serial number or by
the file system's UUID.
"""

import os
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from lpse_ops.backup.diskdevices import Content, find_program, is_same_uuid, prove_content
from lpse_ops.backup.diskmounts import Mount
from lpse_ops.errors import StorageError, UsageError
from lpse_ops.process import run

FileSystem = Literal["ext4", "exfat"]
FILE_SYSTEMS: tuple[FileSystem, ...] = ("ext4", "exfat")
_PACKAGES = {"ext4": "e2fsprogs", "exfat": "exfatprogs"}
# An exFAT label holds 11 characters for old programs.
_LABEL_LENGTH = {"ext4": 16, "exfat": 11}
_SYS = Path("/sys/class/block")


@dataclass(frozen=True)
class BlockDevice:
    """``siblings`` are the kernel's numbers of everything on the same disk, itself left out."""

    path: str
    size_bytes: int
    content: Content
    serial: str = ""
    is_partition: bool = False
    partitions: tuple[str, ...] = ()
    siblings: frozenset[str] = frozenset()


def read_device(path: str) -> BlockDevice:
    """What a device is and carries; ``UsageError`` if it is none."""
    device = os.path.realpath(path)
    try:
        status = os.stat(device)
        is_block = stat.S_ISBLK(status.st_mode)
    except OSError:
        is_block = False
    if not is_block:
        raise UsageError(
            f"{path} is no block device",
            hint="see lsblk -o NAME,SIZE,MODEL,SERIAL,FSTYPE,MOUNTPOINT; e.g. /dev/sdb1",
        )
    own = (_SYS / os.path.basename(device)).resolve()
    is_partition = (own / "partition").exists()
    disk = own.parent if is_partition else own
    parts = sorted(each.parent.name for each in disk.glob("*/partition"))
    numbers = {_number(each) for each in (disk, *(disk / part for part in parts))}
    return BlockDevice(
        path=device,
        size_bytes=int(_text(own / "size") or 0) * 512,
        content=prove_content(device),
        serial=_serial(disk.name),
        is_partition=is_partition,
        partitions=() if is_partition else tuple(parts),
        siblings=frozenset(numbers - {_number(own), ""}),
    )


def refuse_format(device: BlockDevice, mounts: Sequence[Mount], erase: str | None) -> None:
    """Raise ``UsageError`` unless the device may be formatted; ``erase`` is what is to be lost."""
    # A boot sector of exFAT looks like a partition table, too.
    if device.partitions or (device.content.partition_table and not device.content.kind):
        names = ", ".join(device.partitions) or f"a {device.content.partition_table} table"
        raise UsageError(
            f"{device.path} has partitions: {names}", hint="name the partition, e.g. /dev/sdb1"
        )
    beside = next((each.point for each in mounts if each.device in device.siblings), None)
    if beside is not None:
        raise UsageError(
            f"{device.path} is on a disk that is in use: another part of it is mounted at {beside}",
            hint="the system's own disk is no portable disk; see lsblk",
        )
    if not device.content.kind or _is_named(device, erase):
        return
    found = device.content
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


def _number(folder: Path) -> str:
    return _text(folder / "dev")


def _serial(disk: str) -> str:
    program = find_program("lsblk")
    if program is None:
        return ""
    done = run([program, "--nodeps", "--noheadings", "--output", "SERIAL", f"/dev/{disk}"])
    return done.stdout.decode(errors="replace").strip() if done.status == 0 else ""


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii", errors="replace").strip()
    except OSError:
        return ""

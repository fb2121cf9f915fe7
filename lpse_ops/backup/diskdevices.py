"""Block devices and the UUIDs of their file systems, asked from the devices themselves.

``blkid -p`` reads the device; its cache and the links of udev may be old, and in a namespace there
is no udev.  Who may not read devices (an ordinary user) gets what udev's links say.
"""

import os
import shutil
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple, Protocol

from lpse_ops.backup.diskmounts import Mount, read_mounts
from lpse_ops.errors import OpsError, StorageError
from lpse_ops.process import run

_BY_UUID = Path("/dev/disk/by-uuid")
_SECONDS = 30
# blkid's exit status.
_NOTHING_FOUND = 2


class DiskFacts(Protocol):
    """What is asked of the machine about its disks."""

    def mounts(self) -> tuple[Mount, ...]: ...

    def device_of(self, mount: Mount) -> str | None:
        """The device node of a mounted file system; None for those that are on no device."""

    def uuid_of(self, device: str) -> str | None:
        """The UUID of its file system; None where it has none or may not be read."""

    def find_device(self, uuid: str) -> str | None:
        """The device that carries the file system, mounted or not; None if none is plugged in."""


class Content(NamedTuple):
    """What a device carries, as blkid names it; empty where there is nothing."""

    uuid: str = ""
    kind: str = ""
    partition_table: str = ""


class SystemDisks:
    """The disks of this machine."""

    def mounts(self) -> tuple[Mount, ...]:
        return read_mounts()

    def device_of(self, mount: Mount) -> str | None:
        return find_device_of(mount)

    def uuid_of(self, device: str) -> str | None:
        return read_content(device).uuid or _linked_uuid(device)

    def find_device(self, uuid: str) -> str | None:
        for link in _links():
            if is_same_uuid(link.name, uuid) and _carries(os.path.realpath(link), uuid):
                return os.path.realpath(link)
        # Without the cache it looks at every device of the kernel.
        done = _blkid("-c", os.devnull, "-o", "device", "-t", f"UUID={uuid}")
        return done.split("\n", 1)[0].strip() or None


def is_same_uuid(one: str | None, other: str | None) -> bool:
    """Those of FAT, exFAT and NTFS are written in upper case by some programs."""
    return bool(one) and bool(other) and str(one).casefold() == str(other).casefold()


def find_device_of(mount: Mount) -> str | None:
    """The device node of a mounted file system, or None.

    The kernel's number is trusted; what a FUSE or btrfs mount calls its source must be a device.
    """
    major = mount.device.partition(":")[0]
    path = mount.source
    if major != "0":
        path = f"/dev/{_kernel_name(mount.device)}"
    try:
        status = os.stat(path)
    except OSError:
        return None
    if not path.startswith("/dev/") or not stat.S_ISBLK(status.st_mode):
        return None
    number = f"{os.major(status.st_rdev)}:{os.minor(status.st_rdev)}"
    return path if number == mount.device or major == "0" else None


def _kernel_name(number: str) -> str:
    return os.path.basename(os.path.realpath(f"/sys/dev/block/{number}")).replace("!", "/")


def read_content(device: str) -> Content:
    """What the device itself says it carries; empty when it may not be read."""
    return parse_content(_blkid("-p", "-o", "export", device))


def prove_content(device: str) -> Content:
    """As ``read_content``, but ``StorageError`` unless it is certain, also that there is nothing.

    Two signatures on one device (of what it was, and of what it is) make blkid say nothing.
    """
    program = find_program("blkid")
    if program is None:
        raise StorageError("there is no blkid on this machine", hint="apt install util-linux")
    done = run([program, "-p", "-o", "export", device], timeout_seconds=_SECONDS)
    is_empty = done.status == _NOTHING_FOUND and not done.stderr.strip()
    if done.status != 0 and not is_empty:
        why = (done.stderr.strip().splitlines() or [f"blkid ended with {done.status}"])[-1]
        raise StorageError(
            f"cannot tell what {device} carries: {why}",
            hint=f"wipefs {device} shows it; if it may be lost: wipefs --all {device}",
        )
    return parse_content(done.stdout[: 1 << 20].decode(errors="replace"))


def parse_content(text: str) -> Content:
    values = _parse_pairs(text)
    return Content(values.get("UUID", ""), values.get("TYPE", ""), values.get("PTTYPE", ""))


def _parse_pairs(text: str) -> Mapping[str, str]:
    pairs = (line.partition("=") for line in text.split("\n"))
    return {key: value.replace("\\", "") for key, equals, value in pairs if equals}


def _blkid(*arguments: str) -> str:
    program = find_program("blkid")
    if program is None:
        return ""
    try:
        done = run([program, *arguments], timeout_seconds=_SECONDS)
    except OpsError:
        return ""
    return done.stdout[: 1 << 20].decode(errors="replace") if done.status == 0 else ""


def find_program(name: str) -> str | None:
    """A program's path, also for accounts without the administrator's folders in PATH."""
    folders = [os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"]
    return shutil.which(name, path=os.pathsep.join(folders))


def _links() -> list[Path]:
    try:
        return sorted(_BY_UUID.iterdir())
    except OSError:
        return []


def _carries(device: str, uuid: str) -> bool:
    found = read_content(device).uuid
    return not found or is_same_uuid(found, uuid)


def _linked_uuid(device: str) -> str | None:
    return next((link.name for link in _links() if os.path.realpath(link) == device), None)

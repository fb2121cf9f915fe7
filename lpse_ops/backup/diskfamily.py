"""What shares a disk with a block device: partitions, and what LVM, RAID and encryption stack up.

The kernel shows it as folders: ``holders`` of a device are built on it, ``slaves`` are what it is
built on, see sysfs-block(5).  A file system on any of them is lost with the disk.
"""

import errno
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

BLOCK = Path("/sys/class/block")
_KINDS = {"LVM-": "LVM", "CRYPT-": "encryption", "mpath-": "multipath"}


@dataclass(frozen=True)
class Family:
    """Kernel's names.  ``holders`` stand on the device, however far up.

    ``below`` is what it stands on itself, down to its disks; ``others`` are on these disks, too,
    and on what is there.
    """

    holders: tuple[str, ...] = ()
    below: tuple[str, ...] = ()
    others: tuple[str, ...] = ()


def read_family(name: str, sys: Path = BLOCK) -> Family:
    """The family of a device, by its kernel's name; empty for one that the kernel does not know."""
    below = _closure(name, lambda each: _below(sys / each))
    disks = {each for each in (name, *below) if not _below(sys / each)}
    on_disks = {each for disk in disks for each in _closure(disk, lambda one: _above(sys / one))}
    holders = _closure(name, lambda each: _links(sys / each / "holders"))
    others = on_disks - {name, *below, *holders}
    return Family(tuple(sorted(holders)), tuple(sorted(below)), tuple(sorted(others)))


def _closure(start: str, follow: Callable[[str], Iterable[str]]) -> set[str]:
    """All that can be reached from ``start``, itself left out."""
    found: set[str] = set()
    waiting = [start]
    while waiting:
        new = set(follow(waiting.pop())) - found - {start}
        found |= new
        waiting += new
    return found


def _below(device: Path) -> list[str]:
    """What a device stands on: the disk of a partition, the members of an array."""
    if (device / "partition").exists():
        return [device.resolve().parent.name]
    return list(_links(device / "slaves"))


def _above(device: Path) -> Iterator[str]:
    """What stands on a device: its partitions, and what is built on it."""
    yield from (each.parent.name for each in device.glob("*/partition"))
    yield from _links(device / "holders")


def _links(folder: Path) -> Iterator[str]:
    try:
        yield from os.listdir(folder)
    except OSError:
        return


def describe(name: str, sys: Path = BLOCK) -> str:
    """What people call a device: ``vg0-root (LVM)``, ``md0 (RAID)``, ``sda2``."""
    mapped, uuid = _text(sys / name / "dm" / "name"), _text(sys / name / "dm" / "uuid")
    if mapped:
        kind = next((kind for start, kind in _KINDS.items() if uuid.startswith(start)), "dm")
        return f"{mapped} ({kind})"
    return f"{name} (RAID)" if (sys / name / "md").exists() else name


def read_number(name: str, sys: Path = BLOCK) -> str:
    """The kernel's number, ``8:1``; empty where it has none."""
    return _text(sys / name / "dev")


def is_claimed(name: str) -> bool:
    """Whether the kernel uses it: mounted, swapped to, part of a volume group, an array, a pool."""
    try:
        os.close(os.open(f"/dev/{name.replace('!', '/')}", os.O_RDONLY | os.O_EXCL | os.O_CLOEXEC))
    except OSError as error:
        return error.errno == errno.EBUSY
    return False


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii", errors="replace").strip()
    except OSError:
        return ""

"""Who shares a disk, on folders like those of the kernel: device-mapper is not everywhere."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from lpse_ops.backup.diskfamily import Family, describe, is_claimed, read_family, read_number
from lpse_ops.backup.diskformat import read_device, refuse_format
from lpse_ops.errors import UsageError


class Kernel:
    """A folder as /sys/class/block is: links to where the devices are."""

    def __init__(self, root: Path) -> None:
        self.block = root / "class"
        self.block.mkdir()
        self._devices = root / "devices"

    def add(self, name: str, number: str, *, part_of: str = "", on: tuple[str, ...] = ()) -> Path:
        folder = self._devices / part_of / name
        for each in ("holders", "slaves"):
            (folder / each).mkdir(parents=True)
        (folder / "dev").write_text(f"{number}\n")
        if part_of:
            (folder / "partition").write_text("1\n")
        (self.block / name).symlink_to(folder)
        for below in on:
            (folder / "slaves" / below).symlink_to(self.block / below)
            (self.block / below / "holders" / name).symlink_to(folder)
        return folder


@pytest.fixture
def kernel(tmp_path: Path) -> Kernel:
    """The system on LVM on RAID over sda2 and sdb2; sdc with an encrypted disk; sdd empty."""
    made = Kernel(tmp_path)
    for disk, number in (("sda", 0), ("sdb", 16), ("sdc", 32), ("sdd", 48)):
        made.add(disk, f"8:{number}")
    for part, number in (("sda1", 1), ("sda2", 2), ("sdb1", 17), ("sdb2", 18), ("sdc1", 33)):
        made.add(part, f"8:{number}", part_of=part[:3])
    (made.add("md0", "9:0", on=("sda2", "sdb2")) / "md").mkdir()
    for name, number, called, uuid, on in (
        ("dm-0", "254:0", "vg0-root", "LVM-abc", "md0"),
        ("dm-1", "254:1", "vg0-swap", "LVM-def", "md0"),
        ("dm-2", "254:2", "usb", "CRYPT-LUKS2-x", "sdc1"),
    ):
        folder = made.add(name, number, on=(on,)) / "dm"
        folder.mkdir()
        (folder / "name").write_text(f"{called}\n")
        (folder / "uuid").write_text(f"{uuid}\n")
    return made


@pytest.mark.parametrize(
    ("name", "holders", "below", "others"),
    [
        # The root file system stands on the second partition, through RAID and LVM.
        ("sda1", "", "sda", "dm-0 dm-1 md0 sda2"),
        ("sda2", "dm-0 dm-1 md0", "sda", "sda1"),
        ("sda", "", "", "dm-0 dm-1 md0 sda1 sda2"),
        ("md0", "dm-0 dm-1", "sda sda2 sdb sdb2", "sda1 sdb1"),
        ("dm-1", "", "md0 sda sda2 sdb sdb2", "dm-0 sda1 sdb1"),
        ("sdc1", "dm-2", "sdc", ""),
        # What is unlocked on a portable disk may be formatted: its own chain is not in its way.
        ("dm-2", "", "sdc sdc1", ""),
        ("sdd", "", "", ""),
        ("sdx", "", "", ""),
    ],
)
def test_the_family_of_a_device(
    kernel: Kernel, name: str, holders: str, below: str, others: str
) -> None:
    wanted = Family(*(tuple(each.split()) for each in (holders, below, others)))
    assert read_family(name, kernel.block) == wanted


def test_links_that_lead_in_a_circle_are_followed_once(kernel: Kernel) -> None:
    (kernel.block / "sda2" / "slaves" / "dm-0").symlink_to(kernel.block / "dm-0")
    (kernel.block / "dm-0" / "holders" / "sda2").symlink_to(kernel.block / "sda2")
    assert "dm-0" in read_family("sda2", kernel.block).holders


def test_devices_have_the_names_that_people_know(kernel: Kernel) -> None:
    names = [describe(each, kernel.block) for each in ("dm-0", "dm-2", "md0", "sda2", "sdx")]
    assert names == ["vg0-root (LVM)", "usb (encryption)", "md0 (RAID)", "sda2", "sdx"]
    assert [read_number(each, kernel.block) for each in ("dm-0", "sdx")] == ["254:0", ""]


@pytest.fixture
def two_partitions(tmp_path: Path) -> Iterator[str]:
    """A real disk with two partitions; the kernel's name of it."""
    image = tmp_path / "disk.img"
    image.touch()
    os.truncate(image, 16 << 20)
    argv = ["losetup", "--find", "--show", "--partscan", image]
    device = subprocess.run(argv, check=True, capture_output=True, text=True).stdout.strip()
    try:
        # Told to the kernel, which need not know any kind of partition table.
        for number, start in (("1", "2048"), ("2", "10240")):
            subprocess.run(["addpart", device, number, start, "8192"], check=True)
        yield Path(device).name
    finally:
        subprocess.run(["losetup", "--detach", device], check=True)


def test_a_disk_of_which_another_part_is_in_use_is_not_formatted(two_partitions: str) -> None:
    first, second = (f"{two_partitions}p{number}" for number in (1, 2))
    assert read_family(first) == Family((), (two_partitions,), (second,))
    refuse_format(read_device(f"/dev/{first}"), [], None)
    # As swap, a volume group, an array or a pool has it: open for itself alone, and not mounted.
    taken = os.open(f"/dev/{second}", os.O_RDONLY | os.O_EXCL)
    try:
        assert is_claimed(second)
        with pytest.raises(UsageError, match=f"on a disk that is in use: {second}"):
            refuse_format(read_device(f"/dev/{first}"), [], None)
    finally:
        os.close(taken)
    assert not is_claimed(second)


def test_what_is_not_there_is_not_claimed() -> None:
    assert not is_claimed("no-such-device")

"""Formatting: only what was named, and nothing that anybody uses."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from lpse_ops.backup.diskdevices import Content, read_content
from lpse_ops.backup.diskformat import (
    FILE_SYSTEMS,
    BlockDevice,
    FileSystem,
    ensure_unused,
    make_file_system,
    read_device,
    refuse_format,
)
from lpse_ops.backup.diskmounts import Mount
from lpse_ops.errors import StorageError, UsageError
from tests.backup.portabledisks import LoopDisk, make_disk, own_mounts

EMPTY = BlockDevice("/dev/sdb1", 1 << 40, Content(), "SN-1234", is_partition=True)
ROOT = Mount(1, "8:1", "/", Path("/"), "ext4", "/dev/sda1", is_read_only=False)


@pytest.fixture(scope="module", autouse=True)
def _mounts() -> Iterator[None]:
    with own_mounts():
        yield


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[LoopDisk]:
    with make_disk(tmp_path / "a.img") as made:
        made.plug()
        yield made


def test_an_empty_device_may_be_formatted() -> None:
    refuse_format(EMPTY, [ROOT], None)


@pytest.mark.parametrize(
    ("device", "erase", "message", "hint"),
    [
        (replace(EMPTY, partitions=("sdb1", "sdb2")), "SN-1234", "partitions: sdb1, sdb2", "sdb1"),
        (replace(EMPTY, content=Content("", "", "gpt")), "SN-1234", "a gpt table", "partition"),
        (
            replace(EMPTY, siblings=frozenset({"8:0", "8:1"})),
            "SN-1234",
            "another part of it is mounted at /",
            "no portable disk",
        ),
        (
            replace(EMPTY, content=Content("AAAA-1111", "exfat")),
            None,
            "carries a file system: exfat",
            "--erase SN-1234 or --erase AAAA-1111",
        ),
        (replace(EMPTY, content=Content("AAAA-1111", "exfat")), "SN-12", "carries", "--erase"),
        (
            replace(EMPTY, holders=("vg0-root (LVM)",)),
            "SN-1234",
            "vg0-root (LVM) is built on it",
            "no portable disk",
        ),
        (replace(EMPTY, busy=("sdb2",)), "SN-1234", "a disk that is in use: sdb2", "swapon"),
        (
            replace(EMPTY, content=Content("AAAA-1111", "LVM2_member")),
            "SN-1234",
            "is part of an LVM volume group",
            "wipefs --all /dev/sdb1",
        ),
        (replace(EMPTY, content=Content("", "swap"), serial=""), "", "carries", "wipefs"),
    ],
    ids=[
        *("partitions", "table", "system disk", "not named", "wrongly named", "LVM upon it"),
        *("busy beside it", "volume group", "without a name"),
    ],
)
def test_what_is_not_formatted(
    device: BlockDevice, erase: str | None, message: str, hint: str
) -> None:
    with pytest.raises(UsageError) as refused:
        refuse_format(device, [ROOT], erase)
    assert message in refused.value.message
    assert hint in refused.value.hint


@pytest.mark.parametrize("erase", ["SN-1234", "aaaa-1111"])
def test_what_is_to_be_lost_is_named_by_serial_or_uuid(erase: str) -> None:
    refuse_format(replace(EMPTY, content=Content("AAAA-1111", "exfat", "dos")), [ROOT], erase)


def test_a_real_device_is_described(disk: LoopDisk) -> None:
    assert disk.device
    found = read_device(disk.device)
    assert found.size_bytes == disk.image.stat().st_size
    assert (found.content.kind, found.content.uuid) == ("ext4", disk.uuid)
    assert (found.partitions, found.is_partition) == ((), False)


@pytest.mark.parametrize("place", ["/etc/hostname", "/dev/null", "/dev/no-such-disk", "/tmp"])
def test_what_is_no_disk(place: str) -> None:
    with pytest.raises(UsageError, match="is no block device"):
        read_device(place)


def test_what_cannot_be_told_for_sure_is_not_taken_for_empty(disk: LoopDisk) -> None:
    assert disk.device
    with open(disk.device, "r+b") as device:
        device.seek(0x10040)
        device.write(b"_BHRfS_M")  # what btrfs writes there
    with pytest.raises(StorageError, match="cannot tell what /dev/loop") as refused:
        read_device(disk.device)
    assert f"wipefs {disk.device}" in refused.value.hint
    with open(disk.device, "r+b") as device:
        device.write(bytes(1 << 20))
    assert read_device(disk.device).content == Content()


def test_a_mounted_disk_is_not_formatted(disk: LoopDisk, tmp_path: Path) -> None:
    point = disk.mount(tmp_path / "mnt")
    (point / "file").write_text("kept")
    assert disk.device
    with pytest.raises(StorageError, match="is in use"):
        ensure_unused(disk.device)
    with pytest.raises(StorageError, match="is in use"):
        make_file_system(disk.device, "ext4", "disk-a")
    assert (point / "file").read_text() == "kept"


@pytest.mark.parametrize("kind", FILE_SYSTEMS)
def test_a_new_file_system(disk: LoopDisk, kind: FileSystem) -> None:
    before = disk.uuid
    assert disk.device
    make_file_system(disk.device, kind, "a-name-longer-than-any-label")
    content = read_content(disk.device)
    assert content.kind == kind
    assert content.uuid not in ("", before)

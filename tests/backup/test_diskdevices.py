"""What devices say of themselves, and which of them a mount is on."""

from pathlib import Path

import pytest

from lpse_ops.backup.diskdevices import (
    Content,
    SystemDisks,
    find_device_of,
    find_program,
    is_same_uuid,
    parse_content,
    read_content,
)
from lpse_ops.backup.diskmounts import Mount
from tests.backup.portabledisks import make_disk


def mount(device: str, source: str) -> Mount:
    return Mount(1, device, "/", Path("/mnt/x"), "fuse", source, is_read_only=False)


def test_blkid_is_understood() -> None:
    text = "DEVNAME=/dev/sdb1\nUUID=FFA2-726F\nLABEL=a\\ b=c\nTYPE=exfat\nPTTYPE=dos\n\n"
    assert parse_content(text) == Content("FFA2-726F", "exfat", "dos")
    assert parse_content("") == Content()


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("FFA2-726F", "ffa2-726f", True),
        ("a", "b", False),
        (None, None, False),
        ("", "", False),
        ("a", None, False),
    ],
)
def test_uuids_are_compared_without_case_and_nothing_equals_nothing(
    one: str | None, other: str | None, same: bool
) -> None:
    assert is_same_uuid(one, other) is same


@pytest.mark.parametrize(
    ("device", "source"),
    [
        ("0:45", "overlay"),
        ("0:45", "/etc/passwd"),
        ("0:45", "/dev/null"),
        ("0:45", "/dev/../etc/passwd"),
        ("0:45", "/dev/no-such-device"),
        ("9999:1", "/dev/loop0"),
    ],
)
def test_what_is_on_no_device(device: str, source: str) -> None:
    assert find_device_of(mount(device, source)) is None


def test_programs_of_the_administrator_are_found() -> None:
    blkid = find_program("blkid")
    assert blkid is not None
    assert Path(blkid).is_file()
    assert find_program("no-such-program") is None


def test_a_disk_is_found_by_its_uuid_only_while_it_is_plugged_in(tmp_path: Path) -> None:
    facts = SystemDisks()
    with make_disk(tmp_path / "a.img") as disk:
        uuid = disk.uuid
        assert facts.find_device(uuid) is None
        device = disk.plug()
        assert facts.find_device(uuid) == device
        assert facts.uuid_of(device) == uuid
        assert read_content(device).kind == "ext4"
        disk.unplug()
        assert facts.find_device(uuid) is None

"""Mounts: the kernel's table parsed, and which of them a descriptor belongs to."""

import os
from pathlib import Path

import pytest

from lpse_ops.backup.diskmounts import (
    Mount,
    open_nearest,
    parse_mounts,
    read_mount_id,
    read_mounts,
)

TABLE = """\
27 1 254:0 / / rw,relatime - ext4 /dev/vda rw,discard
36 27 8:17 / /mnt/disk\\040a\\134b rw,nosuid master:1 shared:2 - fuseblk /dev/sdb1 rw,allow_other
37 27 8:17 /repo /srv/bind ro,noatime - ext4 /dev/sdb1 rw
38 27 0:45 / /merged rw - overlay overlay rw,lowerdir=/a,upperdir=/b
39 27 8:33 / /mnt/c rw - ext4 /dev/sdc1 ro,errors=remount-ro
"""


def test_every_mount_is_read_in_its_order() -> None:
    root, disk, bind, overlay, broken = parse_mounts(TABLE)
    assert root == Mount(27, "254:0", "/", Path("/"), "ext4", "/dev/vda", is_read_only=False)
    assert (disk.point, disk.kind, disk.device) == (Path("/mnt/disk a\\b"), "fuseblk", "8:17")
    assert (bind.root, bind.point, bind.is_read_only) == ("/repo", Path("/srv/bind"), True)
    assert (overlay.device, overlay.source) == ("0:45", "overlay")
    assert broken.is_read_only, "an ext4 that found an error is read-only as a whole"


@pytest.mark.parametrize(
    "line",
    [
        "",
        "x 1 8:1 / / rw - ext4 /dev/sda rw",
        "1 1 8:1 / / rw ext4 /dev/sda rw",
        "1 1 8:1 / - ext4 /dev/sda rw",
        "1 1 8:1 / / rw - ext4",
        "\0" * 100,
    ],
)
def test_other_lines_are_no_mounts(line: str) -> None:
    assert parse_mounts(f"{line}\n{TABLE}") == parse_mounts(TABLE)


def test_a_descriptor_knows_its_mount() -> None:
    descriptor = os.open("/proc", os.O_RDONLY)
    try:
        number = read_mount_id(descriptor)
    finally:
        os.close(descriptor)
    assert Path("/proc") in [each.point for each in read_mounts() if each.id == number]


def test_the_nearest_folder_that_exists(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for missing in (tmp_path / "a" / "b", tmp_path / "file" / "b"):
        descriptor, nearest = open_nearest(missing)
        os.close(descriptor)
        assert nearest == tmp_path

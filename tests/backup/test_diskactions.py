"""Mounting, unmounting, and the processes that are in the way."""

import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from lpse_ops.backup.diskactions import ensure_released, find_users, mount_device, unmount
from lpse_ops.errors import StorageError
from tests.backup.portabledisks import LoopDisk, make_disk, own_mounts


@pytest.fixture(scope="module", autouse=True)
def _mounts() -> Iterator[None]:
    with own_mounts():
        yield


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[LoopDisk]:
    with make_disk(tmp_path / "a.img") as made:
        made.plug()
        yield made


@pytest.fixture
def point(tmp_path: Path) -> Path:
    return tmp_path / "mnt" / "disk-a"


def test_what_is_mounted_cannot_become_a_program(disk: LoopDisk, point: Path) -> None:
    assert disk.device
    mount_device(disk.device, point)
    script = point / "script"
    script.write_text("#!/bin/sh\n")
    script.chmod(0o755)
    with pytest.raises(PermissionError):
        subprocess.run([script])
    unmount(point)
    assert disk.points() == []


def test_nothing_is_hidden_by_a_mount(disk: LoopDisk, point: Path) -> None:
    point.mkdir(parents=True)
    (point / "file").write_text("kept")
    assert disk.device
    with pytest.raises(StorageError, match="is not empty") as refused:
        mount_device(disk.device, point)
    assert f"ls -la {point}" in refused.value.hint
    assert disk.points() == []


def test_what_carries_no_file_system_is_not_mounted(tmp_path: Path, point: Path) -> None:
    with make_disk(tmp_path / "b.img") as disk:
        disk.image.write_bytes(bytes(1 << 20))
        with pytest.raises(StorageError, match="cannot mount /dev/loop") as refused:
            mount_device(disk.plug(), point)
        # The reason, not the advice that mount gives after it.
        assert "wrong fs type" in refused.value.message
        assert "disk init --format-as ext4" in refused.value.hint
        # No folder that looks like a mount point is left behind.
        assert not point.parent.exists()
        point.mkdir(parents=True)
        with pytest.raises(StorageError, match="cannot mount"):
            mount_device(disk.device or "", point)
        assert point.is_dir()


def test_a_disk_that_is_still_mounted_in_another_namespace_must_not_be_pulled_out(
    disk: LoopDisk, point: Path
) -> None:
    assert disk.device
    mount_device(disk.device, point)
    ensure = ["unshare", "--mount", "--propagation", "private", "sleep", "60"]
    with subprocess.Popen(ensure) as container:
        try:
            while os.readlink(f"/proc/{container.pid}/ns/mnt") == os.readlink("/proc/self/ns/mnt"):
                time.sleep(0.01)
            unmount(point)
            with pytest.raises(StorageError) as refused:
                ensure_released(disk.device, patience_seconds=0)
            assert f"still in use by sleep ({container.pid})" in refused.value.message
            assert "do not pull it out yet" in refused.value.hint
        finally:
            container.kill()
    ensure_released(disk.device)


def test_a_process_in_the_way_is_named_and_nothing_is_forced(disk: LoopDisk, point: Path) -> None:
    assert disk.device
    mount_device(disk.device, point)
    with subprocess.Popen(["sleep", "60"], cwd=point) as sleeper:
        try:
            assert [(user.pid, user.name) for user in find_users(point)] == [(sleeper.pid, "sleep")]
            with pytest.raises(StorageError) as refused:
                unmount(point)
            assert f"is in use by sleep ({sleeper.pid})" in refused.value.message
            assert disk.points() == [point]
        finally:
            sleeper.kill()
    unmount(point)
    assert list(find_users(point)) == []

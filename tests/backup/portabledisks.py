"""Portable disks for tests: real file systems on loop devices, plugged in, mounted and pulled out.

Needs root.  Whatever happens in the block, nothing stays mounted and no loop device is left.
"""

import contextlib
import ctypes
import fcntl
import os
import struct
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from lpse_ops.backup.diskmounts import read_mounts

KINDS = ("ext4", "exfat", "ntfs", "fat32")
_MAKE = {
    "ext4": ["mkfs.ext4", "-q", "-F", "-m", "0"],
    "exfat": ["mkfs.exfat"],
    "ntfs": ["mkfs.ntfs", "-q", "-F", "-Q"],
    "fat32": ["mkfs.fat", "-F", "32"],
}
# linux/sched.h and linux/mount.h
_CLONE_NEWNS, _MS_REC, _MS_PRIVATE = 0x20000, 0x4000, 0x40000
# EXT4_IOC_SHUTDOWN without writing the journal: as if the plug was pulled.
_SHUTDOWN, _NO_LOG_FLUSH = 0x8004587D, struct.pack("I", 2)


@dataclass
class LoopDisk:
    """One disk; ``device`` is None while it is not plugged in."""

    image: Path
    kind: str
    device: str | None = None

    @property
    def uuid(self) -> str:
        done = _run("blkid", "-p", "-s", "UUID", "-o", "value", self.image)
        return done.stdout.decode().strip()

    def plug(self) -> str:
        self.device = _run("losetup", "--find", "--show", self.image).stdout.decode().strip()
        return self.device

    def mount(self, point: Path, *options: str) -> Path:
        point.mkdir(parents=True, exist_ok=True)
        device = self.device or self.plug()
        if self.kind == "fat32":  # the kernel here does not know it
            _run("fusefat", "-o", ",".join(["rw+", f"fsname={device}", *options]), device, point)
            return point
        types = {"exfat": ["-t", "exfat-fuse"], "ntfs": ["-t", "ntfs-3g"]}.get(self.kind, [])
        words = ["-o", ",".join(options)] if options else []
        _run("mount", *types, *words, device, point)
        return point

    def points(self) -> list[Path]:
        return [each.point for each in read_mounts() if each.source == self.device]

    def unmount(self) -> None:
        for point in reversed(self.points()):
            _run("umount", point)

    def unplug(self, *, wait: bool = True) -> None:
        """Take it out, mounted or not, as a person does who does not ask.

        ``wait`` until nobody holds the device: others look at every device at any time.
        """
        for point in reversed(self.points()):
            _run("umount", "--lazy", point)
        if self.device:
            _run("losetup", "--detach", self.device)
            if wait:
                self._wait_until_gone(self.device)
        self.device = None

    def _wait_until_gone(self, device: str) -> None:
        backing = Path("/sys/block") / Path(device).name / "loop" / "backing_file"
        deadline = time.monotonic() + 20
        with contextlib.suppress(FileNotFoundError):
            while backing.read_text().startswith(str(self.image)):
                assert time.monotonic() < deadline, f"somebody keeps {device}"
                time.sleep(0.01)

    def pull(self) -> None:
        """Cut an ext4 off from its device while it is mounted, and take it out."""
        for point in self.points():
            descriptor = os.open(point, os.O_RDONLY)
            try:
                fcntl.ioctl(descriptor, _SHUTDOWN, _NO_LOG_FLUSH)
            finally:
                os.close(descriptor)
        self.unplug(wait=False)


@contextmanager
def own_mounts() -> Iterator[None]:
    """A mount namespace of our own for the time of the block, in this thread.

    Tests beside this one copy all mounts into namespaces of theirs: there a disk would stay mounted
    after it was unmounted here.  What is left mounted at the end goes with the namespace.
    """
    libc, here = ctypes.CDLL(None, use_errno=True), Path.cwd()
    before = os.open("/proc/self/ns/mnt", os.O_RDONLY | os.O_CLOEXEC)
    try:
        _check(libc.unshare(_CLONE_NEWNS))
        _check(libc.mount(b"none", b"/", None, _MS_REC | _MS_PRIVATE, None))
        yield
    finally:
        _check(libc.setns(before, _CLONE_NEWNS))
        os.close(before)
        os.chdir(here)


def _check(status: int) -> None:
    if status:
        raise OSError(ctypes.get_errno(), "cannot change the mount namespace")


@contextmanager
def make_disk(image: Path, kind: str = "ext4", size_bytes: int = 24 << 20) -> Iterator[LoopDisk]:
    """A new disk, not plugged in."""
    image.touch()
    os.truncate(image, size_bytes)
    _run(*_MAKE[kind], image)
    disk = LoopDisk(image, kind)
    try:
        yield disk
    finally:
        with contextlib.suppress(subprocess.CalledProcessError):
            disk.unplug(wait=False)


def _run(*argv: str | Path) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(argv, check=True, capture_output=True)

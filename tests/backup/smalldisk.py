"""A real file system of a few MiB on a loop device, for full and read-only disks; needs root."""

import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

# ext4 without a journal, in blocks of 1 KiB: a quarter is taken by 1 024 inodes.
_IMAGE_BYTES = 1664 << 10
_MAKE = ("mkfs.ext4", "-q", "-F", "-b", "1024", "-N", "1024", "-I", "256", "-m", "0")
_WITHOUT = ("-O", "^has_journal,^resize_inode")


@contextmanager
def mount_small_disk(folder: Path) -> Iterator[Path]:
    """Mount it at ``folder``, which is made, for the time of the block."""
    folder.mkdir()
    memory = Path("/dev/shm")
    with tempfile.NamedTemporaryFile(dir=memory if os.access(memory, os.W_OK) else None) as image:
        image.truncate(_IMAGE_BYTES)
        subprocess.run([*_MAKE, *_WITHOUT, image.name], check=True)
        subprocess.run(["mount", "-o", "loop", image.name, folder], check=True)
        try:
            yield folder
        finally:
            subprocess.run(["umount", "--lazy", folder], check=True)


def make_read_only(folder: Path) -> None:
    subprocess.run(["mount", "-o", "remount,ro", folder], check=True)


def fill(path: Path, *, free_blocks: int) -> None:
    """Write a file that leaves the disk so many blocks, or one less where its map needs it."""
    block_bytes = os.statvfs(path.parent).f_frsize
    with path.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(block_bytes))
        except OSError:
            size = file.tell() // block_bytes * block_bytes
        file.truncate(size - free_blocks * block_bytes)

"""A real file system of 1 MiB, for tests of full and read-only disks; needs root."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def mount_small_disk(folder: Path) -> Iterator[Path]:
    """Mount it at ``folder``, which is made, for the time of the block."""
    folder.mkdir()
    options = "size=1m,mode=0755"
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", folder], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


def make_read_only(folder: Path) -> None:
    subprocess.run(["mount", "-o", "remount,ro", folder], check=True)

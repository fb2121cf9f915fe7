"""Which file system a folder lies on: what /proc/self/mountinfo says, see proc(5).

A descriptor knows the mount that it was opened through.  Nothing here guesses from a path, which
means another file system as soon as a disk is unmounted or another one is mounted over it.
"""

import os
import re
from pathlib import Path
from typing import NamedTuple

_MAX_BYTES = 8 << 20
_ESCAPE = re.compile(r"\\([0-7]{3})")


class Mount(NamedTuple):
    """One mounted file system; ``root`` is what of it is visible, ``/`` unless bind-mounted."""

    id: int
    device: str
    root: str
    point: Path
    kind: str
    source: str
    is_read_only: bool


def parse_mounts(text: str) -> tuple[Mount, ...]:
    """Parse mountinfo, in its order; lines that are not as proc(5) says are left out."""
    return tuple(mount for line in text.split("\n") if (mount := _parse_line(line)) is not None)


def _parse_line(line: str) -> Mount | None:
    before, separator, after = line.partition(" - ")
    fields, more = before.split(" "), after.split(" ")
    if not separator or len(fields) < 6 or len(more) < 3 or not fields[0].isdecimal():
        return None
    options = {*fields[5].split(","), *more[2].split(",")}
    return Mount(
        id=int(fields[0]),
        device=fields[2],
        root=_unescape(fields[3]),
        point=Path(_unescape(fields[4])),
        kind=more[0],
        source=_unescape(more[1]),
        is_read_only="ro" in options,
    )


def _unescape(field: str) -> str:
    """Undo the kernel's ``\\040`` for a byte that would break the line."""
    return _ESCAPE.sub(lambda match: chr(int(match[1], 8)), field)


def read_mounts() -> tuple[Mount, ...]:
    with open("/proc/self/mountinfo", "rb") as file:
        return parse_mounts(os.fsdecode(file.read(_MAX_BYTES)))


def read_mount_id(descriptor: int) -> int | None:
    """The id of the mount that a descriptor was opened through."""
    with open(f"/proc/self/fdinfo/{descriptor}", encoding="ascii", errors="replace") as file:
        match = re.search(r"^mnt_id:\s*([0-9]+)$", file.read(1 << 16), re.MULTILINE)
    return int(match[1]) if match else None


def open_nearest(folder: Path) -> tuple[int, Path]:
    """A descriptor of the folder, or of the nearest one above it that exists; and its path."""
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
    for each in (folder, *folder.parents):
        try:
            return os.open(each, flags), each
        except (FileNotFoundError, NotADirectoryError):
            continue
    raise FileNotFoundError(folder)

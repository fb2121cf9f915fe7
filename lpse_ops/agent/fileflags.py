"""The flags of a file that lsattr(1) shows, asked from the kernel without starting a program."""

import fcntl
import os
import stat
import struct
from typing import NamedTuple, Optional

# _IOR('f', 1, long) and _IOR('v', 1, long) of linux/fs.h; both answer with 32 bits.
_GET_FLAGS = 0x80086601 if struct.calcsize("l") == 8 else 0x80046601
_GET_VERSION = 0x80087601 if struct.calcsize("l") == 8 else 0x80047601
# Letters in the order of lsattr, with their bits in linux/fs.h.
_LETTERS = (
    ("s", 0x1),
    ("u", 0x2),
    ("S", 0x8),
    ("D", 0x10000),
    ("i", 0x10),
    ("a", 0x20),
    ("d", 0x40),
    ("A", 0x80),
    ("c", 0x4),
    ("E", 0x800),
    ("j", 0x4000),
    ("I", 0x1000),
    ("t", 0x8000),
    ("T", 0x20000),
    ("e", 0x80000),
    ("C", 0x800000),
    ("x", 0x2000000),
    ("F", 0x40000000),
    ("N", 0x10000000),
    ("P", 0x20000000),
    ("V", 0x100000),
    ("m", 0x400),
)


class Flags(NamedTuple):
    """The letters that are set, and the file's version (generation number)."""

    letters: str
    version: str


def read_flags(path: str) -> Optional[Flags]:
    """Flags of a file or folder; None where there are none: links, devices, other file systems."""
    try:
        mode = os.lstat(path).st_mode
        if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
            return None
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW)
    except OSError:
        return None
    try:
        flags = _ask(descriptor, _GET_FLAGS)
        return Flags(render_flags(flags), str(_ask(descriptor, _GET_VERSION)))
    except OSError:
        return None
    finally:
        os.close(descriptor)


def render_flags(flags: int) -> str:
    return "".join(letter for letter, bit in _LETTERS if flags & bit)


def _ask(descriptor: int, question: int) -> int:
    answer = fcntl.ioctl(descriptor, question, b"\0" * 8)
    return int(struct.unpack_from("=I", answer)[0])

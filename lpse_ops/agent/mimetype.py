"""What kind of content a file has, as file(1) sees it."""

import ctypes
import os
import stat
from typing import NamedTuple, Optional

from lpse_ops.agent.commands import find_program, run_command

# MAGIC_MIME_TYPE | MAGIC_MIME_ENCODING of magic.h
_FLAGS = 0x10 | 0x400


class Mime(NamedTuple):
    """Type and character set; both ``unknown`` where nobody can tell."""

    mimetype: str
    charset: str


UNKNOWN = Mime("unknown", "unknown")


def read_mime(path: str, mode: int) -> Mime:
    """Ask file(1), or rather its library: that takes a fifth of the time."""
    if stat.S_ISDIR(mode):
        return Mime("inode/directory", "binary")
    program = find_program("file")
    if program is None:
        return UNKNOWN
    told = _ask_library(path)
    if told is None:
        finished = run_command([program, "-b", "--mime-type", "--mime-encoding", path])
        told = finished.stdout if finished.rc == 0 else ""
    return parse_mime(told)


def parse_mime(text: str) -> Mime:
    """Read ``text/plain; charset=us-ascii``; a broken link has no character set."""
    mimetype, found, charset = text.strip().partition("; charset=")
    return Mime(mimetype, charset) if found else UNKNOWN


def _ask_library(path: str) -> Optional[str]:
    try:
        library = ctypes.CDLL("libmagic.so.1")
    except OSError:
        return None
    library.magic_open.restype = ctypes.c_void_p
    library.magic_load.argtypes = [ctypes.c_void_p, ctypes.c_char_p]
    library.magic_file.argtypes = [ctypes.c_void_p, ctypes.c_char_p]
    library.magic_file.restype = ctypes.c_char_p
    library.magic_close.argtypes = [ctypes.c_void_p]
    cookie = library.magic_open(_FLAGS)
    if not cookie:
        return None
    try:
        if library.magic_load(cookie, None) != 0:
            return None
        told = library.magic_file(cookie, os.fsencode(path))
        return told.decode("utf-8", "replace") if told else ""
    finally:
        library.magic_close(cookie)

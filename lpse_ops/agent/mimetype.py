"""What kind of content a file has, as file(1) sees it."""

import ctypes
import functools
import os
import stat
from typing import Any, NamedTuple, Optional, Tuple

from lpse_ops.agent.commands import find_program, run_command

# MAGIC_MIME_TYPE | MAGIC_MIME_ENCODING of magic.h
_FLAGS = 0x10 | 0x400
_SOME_TEXT = b"# a comment\nname = value\n" * 40


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


def get_ready() -> None:
    """Load the library and let it make its patterns: that takes longer than any answer."""
    loaded = _load_library()
    if loaded:
        library, cookie = loaded
        library.magic_buffer(cookie, _SOME_TEXT, len(_SOME_TEXT))


@functools.lru_cache(maxsize=None)
def _load_library() -> Optional[Tuple[Any, int]]:
    """The library and its database; None where there is none."""
    try:
        library = ctypes.CDLL("libmagic.so.1")
    except OSError:
        return None
    library.magic_open.restype = ctypes.c_void_p
    library.magic_load.argtypes = [ctypes.c_void_p, ctypes.c_char_p]
    library.magic_file.argtypes = [ctypes.c_void_p, ctypes.c_char_p]
    library.magic_file.restype = ctypes.c_char_p
    library.magic_buffer.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_size_t]
    cookie = library.magic_open(_FLAGS)
    if not cookie or library.magic_load(cookie, None) != 0:
        return None
    return library, cookie


def _ask_library(path: str) -> Optional[str]:
    loaded = _load_library()
    if loaded is None:
        return None
    library, cookie = loaded
    told = library.magic_file(cookie, os.fsencode(path))
    return told.decode("utf-8", "replace") if told else ""

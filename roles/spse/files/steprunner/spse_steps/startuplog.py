"""The application's log since its start: a bounded part of it, and the errors in that."""

import os
import re
from typing import Any, Dict, Iterator, Sequence

from spse_steps.durable import open_beneath, read_beneath

_READ_BYTES = 1 << 20
_LONGEST_LINE = 300
# As log4j2 writes them with %d{ddMMyy HH:mm:ss} %-5p ~ %m%n, and what the virtual machine says.
_ERROR = re.compile(
    r"^\d{6} \d\d:\d\d:\d\d (?:ERROR|FATAL)\b"
    r"|^Exception in thread|\bOutOfMemoryError\b|^Error: (?:Could not|Unable|A JNI)"
)


def mark_end(release: str, path: str) -> Dict[str, Any]:
    """Where the log ends now; what the application writes from here on belongs to its start."""
    try:
        with open_beneath(release, os.path.join(release, path)) as descriptor:
            status = os.fstat(descriptor)
    except OSError:
        return {"inode": 0, "offset": 0}
    return {"inode": status.st_ino, "offset": status.st_size}


def read_since(release: str, path: str, end: Dict[str, Any]) -> str:
    """What was written since; all of it when a new file has taken the place of the old one.

    Raises OSError when there is no log, or something else in its place.
    """
    whole = os.path.join(release, path)
    with open_beneath(release, whole) as descriptor:
        status = os.fstat(descriptor)
    is_same = status.st_ino == end.get("inode") and status.st_size >= int(end.get("offset", 0))
    offset = int(end["offset"]) if is_same else 0
    return read_beneath(release, whole, _READ_BYTES, offset).decode("utf-8", "replace")


def find_errors(text: str, ignored: Sequence[str]) -> Iterator[str]:
    """The lines that tell of errors, less those that the site knows and does not mind."""
    patterns = [re.compile(pattern) for pattern in ignored]
    for line in text.splitlines():
        line = line[:_LONGEST_LINE]
        if _ERROR.search(line) and not any(pattern.search(line) for pattern in patterns):
            yield line

"""The application's log since its start: a bounded part of it, and the errors in that."""

import os
import re
import time
from typing import Any, Dict, Iterator, List, Sequence

from spse_steps.durable import open_beneath, read_beneath

_READ_BYTES = 1 << 20
# It is rolled at 10 MB; where it is not, its end is what counts.
_LARGEST_BYTES = 1 << 24
# Its times are whole seconds, and a clock is seldom right to the second at the boot.
_MARGIN_SECONDS = 3
_TIME = re.compile(r"\d{6} \d\d:\d\d:\d\d ")
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


def read_start(release: str, path: str, began: float, seconds: float) -> List[str]:
    """The lines that were written in the first ``seconds`` after the application began.

    ``began`` is as time.time() says it, the lines' times are the machine's own.  A line without a
    time belongs to the one before.  Raises OSError as read_since does.
    """
    whole = os.path.join(release, path)
    with open_beneath(release, whole) as descriptor:
        size = os.fstat(descriptor).st_size
    content = read_beneath(release, whole, _LARGEST_BYTES, max(0, size - _LARGEST_BYTES))
    found, is_of_start = [], False
    for line in content.decode("utf-8", "replace").splitlines():
        if _TIME.match(line):
            age = _parse_time(line) - began
            is_of_start = -_MARGIN_SECONDS <= age <= seconds
        if is_of_start:
            found.append(line)
    return found


def _parse_time(line: str) -> float:
    """Seconds since the epoch; 0 for what only looks like a time."""
    try:
        return time.mktime(time.strptime(line[:15], "%d%m%y %H:%M:%S"))
    except (ValueError, OverflowError):
        return 0


def find_errors(text: str, ignored: Sequence[str]) -> Iterator[str]:
    """The lines that tell of errors, less those that the site knows and does not mind."""
    patterns = [re.compile(pattern) for pattern in ignored]
    for line in text.splitlines():
        line = line[:_LONGEST_LINE]
        if _ERROR.search(line) and not any(pattern.search(line) for pattern in patterns):
            yield line

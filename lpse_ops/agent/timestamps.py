"""Times of access and modification that a task asks for: kept, now, or a date in some format."""

import os
import time
from typing import Any, Dict, NamedTuple, Optional, Union

from lpse_ops.agent.context import Context, Failed
from lpse_ops.agent.fileattributes import note

# None keeps the time, "now" is the moment of the change, a number is seconds since 1970.
Time = Union[None, str, float]


class Times(NamedTuple):
    """The two times of a file that can be set."""

    modification: Time
    access: Time


def parse_times(args: Dict[str, Any], *, usual: str) -> Times:
    """Read ``modification_time`` and ``access_time``; ``usual`` stands for one not given."""
    return Times(
        _parse(args["modification_time"] or usual, args["modification_time_format"]),
        _parse(args["access_time"] or usual, args["access_time_format"]),
    )


def apply_times(path: str, times: Times, context: Context, diff: Optional[Dict[str, Any]]) -> bool:
    """Set the times; return whether they differ.  In check mode only say so."""
    if times == Times(None, None):
        return False
    try:
        status = os.stat(path)
        now = time.time()
        modification = _number(times.modification, status.st_mtime, now)
        access = _number(times.access, status.st_atime, now)
        if (modification, access) == (status.st_mtime, status.st_atime):
            return False
        if not context.check_mode:
            # Without numbers the kernel takes its own clock, and write permission is enough.
            os.utime(path, None if times == Times("now", "now") else (access, modification))
    except OSError as error:
        message = f"Error while updating modification or access time: {error}"
        raise Failed(message, path=path) from error
    if modification != status.st_mtime:
        note(diff, "mtime", status.st_mtime, modification)
    if access != status.st_atime:
        note(diff, "atime", status.st_atime, access)
    return True


def _parse(text: str, form: str) -> Time:
    if text == "preserve":
        return None
    if text == "now":
        return "now"
    try:
        return time.mktime(time.strptime(text, form))
    except (ValueError, OverflowError) as error:
        message = "Error while obtaining timestamp for time {} using format {}: {}"
        raise Failed(message.format(text, form, error)) from error


def _number(wanted: Time, before: float, now: float) -> float:
    if wanted is None:
        return before
    return now if isinstance(wanted, str) else wanted

"""The lists of what can be installed: how old they are, and how they are fetched anew.

Runs on the managed host: standard library and ``lpse_ops.agent`` only, Python 3.6.
"""

import os
import random
import time
from typing import Any, Callable, Dict, List, NamedTuple

from lpse_ops.agent.aptget import AptGet, is_locked
from lpse_ops.agent.commands import Finished
from lpse_ops.agent.context import Failed

# The first of these that is there tells when the lists were fetched.
_STAMPS = ("/var/lib/apt/periodic/update-success-stamp", "/var/lib/apt/lists")

_FORBIDDEN = "(13: Permission denied)"
# It went well, but not all of it is new.
_LISTS_ARE_OLD = ("W: Failed to fetch", "W: Some index files failed")


class Lists(NamedTuple):
    """What became of the lists: were they fetched, and from when they are (0 is unknown)."""

    is_updated: bool
    time: float
    warnings: List[str]

    def result(self) -> Dict[str, Any]:
        told = {"warnings": self.warnings} if self.warnings else {}
        return dict(told, cache_updated=self.is_updated, cache_update_time=int(self.time))


def read_time() -> float:
    """When the lists were fetched, 0 if nobody knows."""
    return next((os.stat(path).st_mtime for path in _STAMPS if os.path.exists(path)), 0.0)


def is_due(fetched: float, valid_seconds: int, now: float) -> bool:
    return fetched + valid_seconds < now


def refresh(args: Dict[str, Any], apt_get: AptGet, *, check_mode: bool) -> Lists:
    """Fetch the lists if the task asks for it and they are too old; ``Failed`` if that fails."""
    before = read_time()
    asked = args["update_cache"] or args["cache_valid_time"]
    if not asked or not is_due(before, args["cache_valid_time"], time.time()):
        return Lists(False, before, [])
    if check_mode:
        return Lists(True, before, [])
    warnings = fetch(
        lambda: apt_get.run(["apt-get", "update", "-q"]),
        retries=args["update_cache_retries"],
        longest_seconds=args["update_cache_retry_max_delay"],
        sleep=time.sleep,
    )
    after = read_time()
    return Lists(int(before) != int(after), after, warnings)


def fetch(
    run: Callable[[], Finished],
    *,
    retries: int,
    longest_seconds: float,
    sleep: Callable[[float], None],
) -> List[str]:
    """Try until it works, waiting longer each time; return what is to be told of the tries."""
    warnings: List[str] = []
    reason = "unknown reason"
    for attempt in range(retries):
        finished = run()
        if is_locked(finished) or _FORBIDDEN in finished.stderr:
            # Another try would not help.
            raise Failed(f"Failed to lock apt for exclusive operation: {finished.stderr.strip()}")
        if finished.rc == 0:
            return warnings + complaints(finished.stderr, *_LISTS_ARE_OLD)
        reason = ", ".join(complaints(finished.stderr, "E:", "W:")) or finished.stderr.strip()
        text = "Failed to update cache after {} retries due to {}"
        warnings.append(text.format(attempt + 1, reason))
        if attempt + 1 < retries:
            # Not all hosts of a fleet again at the same moment.
            sleep(min(2.0**attempt, longest_seconds) + random.random())  # noqa: S311
    text = "Failed to update apt cache after {} retries: {}"
    raise Failed(text.format(retries, reason), warnings=warnings)


def complaints(stderr: str, *kinds: str) -> List[str]:
    """The lines in which apt says what is wrong."""
    return [line for line in stderr.splitlines() if line.startswith(kinds)]

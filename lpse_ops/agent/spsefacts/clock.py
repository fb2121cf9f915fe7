"""How far the clock is off, by the program that keeps it: no server is asked.

Runs on the managed host: standard library and ``lpse_ops.agent`` only, Python 3.6.
"""

import math
import time
from typing import Any, Dict, Optional

from lpse_ops.agent.facts.hostfiles import parse_assignments
from lpse_ops.agent.spsefacts.programs import Programs

_FIELDS = 14
_LEAP_UNKNOWN = "Not synchronised"


def read_clock(programs: Programs) -> Dict[str, Any]:
    """``source`` is who says it: chrony, systemd or nobody."""
    told: Dict[str, Any] = {"now": time.time(), "source": "", "is_synchronised": None}
    tracked = programs.ask("chronyc", "-n", "-c", "tracking")
    if tracked.is_good:
        told.update(parse_tracking(tracked.stdout) or {})
    if not told["source"]:
        told["chrony_trouble"] = tracked.why_not
        shown = parse_assignments(programs.ask("timedatectl", "show").stdout)
        if shown.get("NTPSynchronized") in ("yes", "no"):
            told.update(source="systemd", is_synchronised=shown["NTPSynchronized"] == "yes")
    return told


def parse_tracking(text: str) -> Optional[Dict[str, Any]]:
    """A line of ``chronyc -c tracking``; None if it is none.

    ``offset_seconds`` is how far off the clock is by chrony's own estimate, ``error_seconds`` how
    wrong that may be at most.
    """
    fields = text.strip().split(",")
    if len(fields) != _FIELDS:
        return None
    try:
        stratum = int(fields[2])
        offset, delay, dispersion = (float(fields[place]) for place in (4, 10, 11))
    except ValueError:
        return None
    if not all(map(math.isfinite, (offset, delay, dispersion))):
        return None
    return {
        "source": "chrony",
        "server": fields[1],
        "stratum": stratum,
        "is_synchronised": fields[13] != _LEAP_UNKNOWN,
        "offset_seconds": abs(offset),
        "error_seconds": abs(delay) / 2 + abs(dispersion),
    }

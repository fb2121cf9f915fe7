"""What lpse-ops on this server says of its backups.

Runs on the managed host: standard library and ``lpse_ops.agent`` only, Python 3.6.
"""

import json
from typing import Any, Dict

from lpse_ops.agent.spsefacts.programs import Programs

_PROGRAM_SECONDS = 60.0
_FIELDS = ("name", "snapshot_time", "age_seconds", "verified", "free_bytes", "total_bytes")
_MOST_DESTINATIONS = 50


def read_backups(programs: Programs) -> Dict[str, Any]:
    """Age and proof of each copy; 1 is its exit status when something is wrong with them."""
    ran = programs.ask(
        *("lpse-ops", "backup", "status", "--format", "json", "--timeout", "45s"),
        seconds=_PROGRAM_SECONDS,
    )
    if ran.trouble or ran.rc not in (0, 1) or not ran.stdout.strip():
        return {"is_installed": "is not there" not in ran.trouble, "trouble": ran.why_not}
    return dict(parse_status(ran.stdout), is_installed=True)


def parse_status(text: str) -> Dict[str, Any]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return {"trouble": "its answer is no JSON"}
    found = value.get("destinations") if isinstance(value, dict) else None
    if not isinstance(found, list):
        return {"trouble": "its answer names no destinations"}
    return {
        "severity": value.get("severity"),
        "destinations": [
            {field: each.get(field) for field in _FIELDS}
            for each in found[:_MOST_DESTINATIONS]
            if isinstance(each, dict)
        ],
    }

"""Whose turn it is to be checked, and which part of it is read: so that all is read in the end.

Decided by the log, not by the calendar: a portable disk is checked when it is plugged in, and a
week that was left out leaves out no part.
"""

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from lpse_ops.backup.statusfacts import Proof

# With a check a week and one place, all of it is read in a quarter.
PARTS = 13
_PART = re.compile(rf"([0-9]{{1,2}})/{PARTS}")
_NEVER = datetime.min.replace(tzinfo=UTC)


class Turn(NamedTuple):
    """The ``part`` of ``PARTS``, from 1 on, to read of a destination."""

    destination: str
    part: int

    @property
    def subset(self) -> str:
        return f"{self.part}/{PARTS}"


def plan_turns(names: Sequence[str], checks: Iterable[Proof]) -> list[Turn]:
    """The one that waits longest first; a check that failed had its turn, but read nothing.

    One that was not to read any data, as before a prune, is no turn.
    """
    last: dict[str, datetime] = {}
    parts: dict[str, int] = {}
    for check in checks:
        if check.scope == "none":
            continue
        last[check.destination] = check.time
        read = _PART.fullmatch(check.scope)
        if read and check.status != "failed":
            parts[check.destination] = int(read[1])
    ordered = sorted(names, key=lambda name: last.get(name, _NEVER))
    return [Turn(name, parts.get(name, 0) % PARTS + 1) for name in ordered]

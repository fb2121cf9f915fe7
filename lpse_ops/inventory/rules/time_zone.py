"""An SPSE server without one of Indonesia's time zones.

Deadlines of tenders are told in local time, so are the minutes of a disturbance: a server in
another zone closes a tender hours early or late.  Write `time_zone: Asia/Jakarta` (WIB),
`Asia/Makassar` (WITA) or `Asia/Jayapura` (WIT).
"""

from collections.abc import Iterator

from lpse_ops.clock import ZONE_ALIASES
from lpse_ops.inventory.fleet import judged, missing, shown
from lpse_ops.inventory.fleetvariables import ZONES
from lpse_ops.inventory.seen import Fault, Seen

SEVERITY = "error"
NAME = "time_zone"
_CHOICES = "write Asia/Jakarta (WIB), Asia/Makassar (WITA) or Asia/Jayapura (WIT)"


def check(seen: Seen) -> Iterator[Fault]:
    yield from missing(seen, NAME, "deadlines of tenders are in local time")
    for each in judged(seen, NAME):
        value = each.cell.value
        if value not in ZONES:
            message = f"{NAME}: {shown(value, each.cell)} is none of Indonesia's time zones"
            yield Fault(each.cell.value_at, message, _hint(value), each.cell.owner)


def _hint(value: object) -> str:
    short = value.strip().upper() if isinstance(value, str) else ""
    return f"write {ZONE_ALIASES[short]}" if short in ZONE_ALIASES else _CHOICES

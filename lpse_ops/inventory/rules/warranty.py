"""An SPSE server whose warranty date is not known, or is no date.

When a power supply or a disk breaks, the first question is whether the supplier has to come.  Write
the last day as `warranty_until: YYYY-MM-DD`; for a server without warranty, the day it ended.
"""

import re
from collections.abc import Iterator
from datetime import date, datetime

from lpse_ops.inventory.fleet import judged, missing, shown
from lpse_ops.inventory.fleetvariables import example_of
from lpse_ops.inventory.seen import Fault, Seen

SEVERITY = "error"
NAME = "warranty_until"
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)


def check(seen: Seen) -> Iterator[Fault]:
    yield from missing(seen, NAME, "nobody knows whether the supplier has to come")
    for each in judged(seen, NAME):
        if read_date(each.cell.value) is None:
            message = f"{NAME}: {shown(each.cell.value, each.cell)} is no date"
            yield Fault(each.cell.value_at, message, f"write: {example_of(NAME)}", each.cell.owner)


def read_date(value: object) -> date | None:
    """A day as YAML or INI gives it."""
    if isinstance(value, datetime):
        return value.date()
    if isinstance(value, date):
        return value
    if isinstance(value, str) and _DATE.fullmatch(value.strip()):
        try:
            return date.fromisoformat(value.strip())
        except ValueError:
            return None
    return None

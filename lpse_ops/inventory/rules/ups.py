"""An SPSE server of which nobody wrote down the UPS it hangs on.

The server room must have backup power, and most of what stops an LPSE for days begins with a power
cut.  With the UPS's name the daily check knows how long it lasts, and who to shut down in time.
Write it as `ups`, e.g. as NUT calls it; for two power supplies a list of two.
"""

import re
from collections.abc import Iterator

from lpse_ops.inventory.fleet import is_open, items, judged, missing, shown
from lpse_ops.inventory.fleetvariables import example_of
from lpse_ops.inventory.seen import Fault, Seen

SEVERITY = "error"
NAME = "ups"
# What people write where they have nothing to write.
_NO_NAME = re.compile(
    r"\W*|n/?a|nil|no|none|null|tba|tbd|todo|x+|(belum|tidak)( ada)?", re.IGNORECASE | re.ASCII
)


def check(seen: Seen) -> Iterator[Fault]:
    yield from missing(seen, NAME, "the check of power needs its name")
    for each in judged(seen, NAME):
        for value, place in items(each.cell):
            if not is_open(value) and not _is_name(value):
                message = f"{NAME}: {shown(value, each.cell)} names no UPS"
                yield Fault(place, message, f"write: {example_of(NAME)}", each.cell.owner)


def _is_name(value: object) -> bool:
    return isinstance(value, str) and not _NO_NAME.fullmatch(value.strip())

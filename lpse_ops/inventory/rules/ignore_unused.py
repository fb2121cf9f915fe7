"""An entry of `.lpse-ops-ignore.yml` that accepts nothing.

What it was about is mended, or `file` or `host` are not what the finding says.  Remove the entry,
so that nobody takes it for an open question.
"""

from collections.abc import Iterable

from lpse_ops.inventory.seen import Fault, Seen

SEVERITY = "warning"


def check(seen: Seen) -> Iterable[Fault]:
    """Nothing by itself: ``accepted`` finds it once all other rules have been run."""
    return seen.faults.get("ignore-unused", ())

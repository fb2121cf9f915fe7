"""An entry of `.lpse-ops-ignore.yml` whose date is over.

What it accepted is a finding again.  Mend that, or decide anew until when it is accepted.
"""

from collections.abc import Iterable

from lpse_ops.inventory.seen import Fault, Seen

SEVERITY = "error"


def check(seen: Seen) -> Iterable[Fault]:
    """Nothing by itself: ``accepted`` finds it once all other rules have been run."""
    return seen.faults.get("ignore-expired", ())

"""There is no such inventory, or a part of it cannot be read.

Ansible warns and goes on without it: the run is green and did nothing.
"""

from collections.abc import Iterable

from lpse_ops.inventory.seen import Fault, Seen

SEVERITY = "error"


def check(seen: Seen) -> Iterable[Fault]:
    """What reading the files found."""
    return seen.faults.get("missing-source", ())

"""A key is there twice in one mapping.

The last one wins and all that the first one said is lost, hosts and variables below it included.
Join the two.
"""

from collections.abc import Iterable

from lpse_ops.inventory.seen import Fault, Seen

SEVERITY = "error"


def check(seen: Seen) -> Iterable[Fault]:
    """What reading the files found."""
    return seen.faults.get("duplicate-key", ())

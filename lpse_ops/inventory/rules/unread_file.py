"""A file of variables that nobody reads.

It stands in `group_vars` or `host_vars` and is named after a group or host that there is not, has
an ending that is left out, or a second file for the same name comes before it.  Its variables are
not set, without a word.
"""

from collections.abc import Iterable

from lpse_ops.inventory.seen import Fault, Seen

SEVERITY = "warning"


def check(seen: Seen) -> Iterable[Fault]:
    """What reading the files found."""
    return seen.faults.get("unread-file", ())

"""A line of an INI inventory is not understood.

Ansible leaves the whole file out with a warning, and a play for its hosts does nothing.  Values
with spaces are written in quotation marks: `name="a b"`.
"""

from collections.abc import Iterable

from lpse_ops.inventory.seen import Fault, Seen

SEVERITY = "error"


def check(seen: Seen) -> Iterable[Fault]:
    """What reading the files found."""
    return seen.faults.get("ini-syntax", ())

"""A file is no TOML.

Ansible leaves the whole file out with a warning, and a play for its hosts does nothing.
"""

from collections.abc import Iterable

from lpse_ops.inventory.seen import Fault, Seen

SEVERITY = "error"


def check(seen: Seen) -> Iterable[Fault]:
    """What reading the files found."""
    return seen.faults.get("toml-syntax", ())

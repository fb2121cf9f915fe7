"""A part of a YAML, JSON or TOML inventory is of the wrong kind, such as a list for a mapping.

Below a group stand `hosts:`, `vars:` and `children:`, each a mapping; every host is a line that
ends with a colon, and below it its variables.  Ansible leaves the whole file out.
"""

from collections.abc import Iterable

from lpse_ops.inventory.seen import Fault, Seen

SEVERITY = "error"


def check(seen: Seen) -> Iterable[Fault]:
    """What reading the files found."""
    return seen.faults.get("wrong-structure", ())

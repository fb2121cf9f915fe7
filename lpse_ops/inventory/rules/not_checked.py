"""A part of the inventory that could not be looked at.

Programs and plugins are not run, and what is vault-encrypted is opened only with its password:
give `--vault-password-file FILE`.  What they would add is not checked, and that something is
missing is then not held against the rest.
"""

from collections.abc import Iterable

from lpse_ops.inventory.seen import Fault, Seen

SEVERITY = "note"


def check(seen: Seen) -> Iterable[Fault]:
    """What reading the files found."""
    return seen.faults.get("not-checked", ())

"""A file is no YAML.

Ansible tries to read such a file in another format, warns, and goes on without the hosts and
variables that are in it.  The place is where the parser gave up: the mistake is there or in the
line above.
"""

from collections.abc import Iterable

from lpse_ops.inventory.seen import Fault, Seen

SEVERITY = "error"


def check(seen: Seen) -> Iterable[Fault]:
    """What reading the files found."""
    return seen.faults.get("yaml-syntax", ())

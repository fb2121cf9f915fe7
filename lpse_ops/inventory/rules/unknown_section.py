"""A section that means nothing: neither hosts, nor variables, nor children.

In INI write `[GROUP]`, `[GROUP:vars]` or `[GROUP:children]`, and declare a group before its
variables; in YAML write `hosts:`, `vars:` or `children:` below a group.  What stands below any
other name is left out.
"""

from collections.abc import Iterable

from lpse_ops.inventory.seen import Fault, Seen

SEVERITY = "error"


def check(seen: Seen) -> Iterable[Fault]:
    """What reading the files found."""
    return seen.faults.get("unknown-section", ())

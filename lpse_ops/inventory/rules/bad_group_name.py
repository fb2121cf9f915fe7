"""A name of a group that is no name of a variable.

Ansible warns of `db-servers` and may turn it into `db_servers`, by a setting that differs from
site to site.  Use letters, digits and `_`, and no digit at the beginning.
"""

from collections.abc import Iterator

from lpse_ops.inventory.groupnames import safe_name
from lpse_ops.inventory.seen import Fault, Seen

SEVERITY = "warning"


def check(seen: Seen) -> Iterator[Fault]:
    told: set[str] = set()
    for group in seen.groups:
        safe = safe_name(group.name)
        if safe != group.name and group.name not in told:
            told.add(group.name)
            problem = f"{group.name!r} is no name that every Ansible takes for a group"
            yield Fault(group.origin, problem, f"write {safe}", group.name)

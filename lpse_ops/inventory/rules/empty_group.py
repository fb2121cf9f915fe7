"""A group without any host.

A play for it does nothing and is green.  If it waits for hosts to come, accept the finding until
then; else remove the group or correct its name.
"""

from collections.abc import Iterator

from lpse_ops.inventory.declaration import ALL, UNGROUPED
from lpse_ops.inventory.seen import Fault, Seen
from lpse_ops.inventory.strayed import strayed_children

SEVERITY = "warning"


def check(seen: Seen) -> Iterator[Fault]:
    """A group that is mistyped is told by ``unreachable-children`` alone."""
    if not seen.is_complete:
        return
    told = {group.name for group, _ in strayed_children(seen)} | {ALL, UNGROUPED}
    for group in seen.groups:
        if group.name not in told and not seen.members.get(group.name, [""]):
            told.add(group.name)
            hint = "add hosts, or remove the group"
            yield Fault(group.origin, f"the group {group.name!r} has no host", hint, group.name)

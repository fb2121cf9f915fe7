"""A child of a group leads nowhere, or in a circle.

A misspelt child is a new and empty group for Ansible, and the hosts that were meant are left out
of the parent without a word.  Groups that are children of each other cannot be read at all.
"""

from collections.abc import Iterator

from lpse_ops.inventory.seen import Fault, Seen
from lpse_ops.inventory.strayed import strayed_children

SEVERITY = "error"


def check(seen: Seen) -> Iterator[Fault]:
    yield from seen.faults.get("unreachable-children", ())
    for group, near in strayed_children(seen):
        problem = f"the child {group.name!r} of {group.parent!r} is no group that has hosts"
        yield Fault(group.origin, problem, f"did you mean {near!r}?", group.name)

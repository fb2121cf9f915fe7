"""No group is called `spse`, but one nearly is: the rules of the fleet look at none of its hosts.

A host is an SPSE server when it is in the group `spse`, or in a group below it.  Rename the group,
or put it below: `spse:` with `children:`.  Names of groups are told apart by capitals too.
"""

from collections.abc import Iterator

from lpse_ops.inventory.fleet import shown
from lpse_ops.inventory.fleetvariables import GROUP
from lpse_ops.inventory.nearness import nearest
from lpse_ops.inventory.seen import Fault, GroupSeen, Seen

SEVERITY = "warning"
# Not a server but who runs it, one letter away.
_UNIT = "lpse"


def check(seen: Seen) -> Iterator[Fault]:
    if GROUP in seen.members:
        return
    told: set[str] = set()
    for group in seen.groups:
        if group.name not in told and _is_meant(group.name):
            told.add(group.name)
            yield _fault(group)


def _is_meant(name: str) -> bool:
    word = name[:80].lower().replace("-", "_").partition("_")[0]
    return word == GROUP or (word != _UNIT and nearest(word, [GROUP]) == GROUP)


def _fault(group: GroupSeen) -> Fault:
    message = f"the group {shown(group.name)} is not {GROUP}: its hosts count as no SPSE servers"
    return Fault(
        group.origin, message, f"call it {GROUP}, or put it below a group {GROUP}", group.name
    )

"""Children of groups that lead nowhere: probably another group was meant."""

from collections.abc import Iterator

from lpse_ops.inventory.declaration import ALL
from lpse_ops.inventory.nearness import nearest
from lpse_ops.inventory.seen import GroupSeen, Seen


def strayed_children(seen: Seen) -> Iterator[tuple[GroupSeen, str]]:
    """Groups that are named as a child only and hold nothing, with the group that is near."""
    if not seen.is_complete:
        return
    own = {group.name for group in seen.groups if not group.parent}
    own |= {group.parent for group in seen.groups}
    own |= {cell.owner for cell in seen.cells if not cell.is_host}
    others = {name for name, hosts in seen.members.items() if hosts and name != ALL}
    for group in seen.groups:
        is_named_only = group.name not in own and not seen.members.get(group.name)
        if is_named_only and (near := nearest(group.name, others)):
            yield group, near

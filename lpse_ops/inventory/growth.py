"""What tasks add to an inventory while a play runs: ``add_host`` and ``group_by``."""

from collections.abc import Mapping, Sequence
from typing import Any

from lpse_ops.inventory.declaration import ALL
from lpse_ops.inventory.model import Host
from lpse_ops.inventory.tree import Tree
from lpse_ops.marked import Text, origin_of


def grow_host(tree: Tree, name: str, groups: Sequence[str], variables: Mapping[str, Any]) -> bool:
    """Add a host, groups of it and variables; tell if anything was not there already."""
    changed = name not in tree.hosts
    host = tree.add_host(name, tree.groups[ALL])
    known = {str(key): value for key, value in host.variables.winners()}
    for key, value in variables.items():
        if key not in known or known[key] != value:
            host.variables.set(Text(key, origin_of(key)), value)
            changed = True
    for each in map(tree.names.use, groups):
        changed = changed or each not in tree.groups or name not in tree.groups[each].hosts
        tree.add_host(name, tree.add_group(each))
    return changed


def grow_group(tree: Tree, host: Host, name: str, parents: Sequence[str]) -> bool:
    """Put a host into a group below others; tell if anything was not there already."""
    group = tree.add_group(name)
    changed = False
    for each in parents:
        changed = tree.nest(tree.add_group(each), group) or changed
    if host.name not in {each.name for each in group.every_host()}:
        group.hosts[host.name] = host
        host.groups[group.name] = group
        changed = True
    return changed

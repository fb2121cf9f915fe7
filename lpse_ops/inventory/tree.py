"""All groups and hosts, and what belongs to what."""

from collections.abc import Iterable, Iterator
from graphlib import CycleError, TopologicalSorter
from typing import Any

from lpse_ops.errors import InventoryError
from lpse_ops.inventory.declaration import (
    ALL,
    UNGROUPED,
    ChildStated,
    GroupStated,
    HostStated,
    Statement,
    VariableStated,
)
from lpse_ops.inventory.groupnames import GroupNames
from lpse_ops.inventory.model import Group, Host
from lpse_ops.marked import Text

PRIORITY = "ansible_group_priority"
# Groups are walked recursively, e.g. to draw them.
MAX_DEPTH = 100


class Tree:
    """All groups and hosts.  ``settle`` must follow a change before anything is asked."""

    def __init__(self, names: GroupNames | None = None) -> None:
        self.names = names or GroupNames()
        self.groups: dict[str, Group] = {}
        self.hosts: dict[str, Host] = {}
        self._depths: dict[str, int] = {}
        self.add_child(self.add_group(ALL), self.add_group(UNGROUPED))

    def add_group(self, name: str) -> Group:
        name = self.names.use(name)
        group = self.groups.get(name)
        if group is None:
            group = self.groups[name] = Group(name)
        return group

    def add_host(self, name: str, group: Group, *, source: str | None = None) -> Host:
        name = str(name)
        host = self.hosts.get(name)
        if host is None:
            host = self.hosts[name] = Host(name, source=source)
        group.hosts.setdefault(name, host)
        host.groups.setdefault(group.name, group)
        return host

    def add_child(self, group: Group, child: Group) -> None:
        group.children.setdefault(child.name, child)
        child.parents.setdefault(group.name, group)

    def nest(self, group: Group, child: Group) -> bool:
        """Make a group the child of another while a play runs; tell if it was not already."""
        if group is child or child.name in group.children:
            return False
        if any(each is group for each in child.family()):
            raise InventoryError(
                f"the group {child.name!r} cannot be below {group.name!r}, which is below it",
                hint="give group_by another parent",
            )
        self.add_child(group, child)
        return True

    def apply(self, statements: Iterable[Statement], source: str | None) -> None:
        """Do what a source says; ``source`` is the file that ``inventory_file`` will name."""
        for statement in statements:
            match statement:
                case GroupStated():
                    self.add_group(statement.group)
                case HostStated():
                    self._state_host(statement, source)
                case ChildStated():
                    self._state_child(statement)
                case VariableStated():
                    self.set_variable(statement.owner, statement.key, statement.value)

    def _state_host(self, stated: HostStated, source: str | None) -> None:
        is_new = stated.host not in self.hosts
        host = self.add_host(stated.host, self.add_group(stated.group), source=source)
        # As in Ansible: the port of a host that is known already says nothing.
        if is_new and stated.port is not None:
            host.variables.set(Text("ansible_port", stated.origin), stated.port)

    def _state_child(self, stated: ChildStated) -> None:
        if stated.group == stated.child:
            raise InventoryError(
                f"{stated.origin}: the group {stated.group!r} is its own child",
                hint="remove the line",
            )
        child = self.add_group(stated.child)
        self.add_child(self.add_group(stated.group), child)

    def set_variable(self, owner: str, key: Text, value: Any) -> None:
        """Set a variable of a group, or of the host of that name where there is no such group."""
        group = self.groups.get(owner)
        if group is None and owner not in self.hosts:
            group = self.groups[self.names.use(owner)]
        if group is None:
            self.hosts[owner].variables.set(key, value)
        elif key == PRIORITY:
            group.priority = _priority(key, value)
        else:
            group.variables.set(key, value)

    def settle(self) -> None:
        """Bring every group under ``all`` and every host into a group; measure the depths."""
        everything = self.groups[ALL]
        for group in self.groups.values():
            if not group.parents and group is not everything:
                self.add_child(everything, group)
        ungrouped = self.groups[UNGROUPED]
        for host in self.hosts.values():
            if host.groups.keys() - {ALL, UNGROUPED}:
                host.groups.pop(UNGROUPED, None)
                ungrouped.hosts.pop(host.name, None)
            elif UNGROUPED not in host.groups:
                self.add_host(host.name, ungrouped)
        self._depths = self._measure()

    def _measure(self) -> dict[str, int]:
        """The longest way from ``all`` to each group."""
        parents = {name: group.parents.keys() for name, group in self.groups.items()}
        depths: dict[str, int] = {}
        try:
            for name in TopologicalSorter(parents).static_order():
                depths[name] = max((depths[each] + 1 for each in parents[name]), default=0)
        except CycleError as error:
            circle = " -> ".join(reversed(error.args[1]))
            raise InventoryError(
                f"groups are children of each other in a circle: {circle}",
                hint="take one of these groups out of the other's children",
            ) from error
        deepest = max(depths, key=depths.__getitem__)
        if depths[deepest] > MAX_DEPTH:
            raise InventoryError(
                f"the group {deepest!r} is a child of {depths[deepest]} groups, one in the other",
                hint=f"nest groups at most {MAX_DEPTH} deep",
            )
        return depths

    def groups_of(self, host: Host) -> list[Group]:
        """The host's groups and all above them but ``all``; the later one's variables win."""
        found: dict[str, Group] = {}
        waiting = list(host.groups.values())
        while waiting:
            group = waiting.pop()
            if group.name not in found:
                found[group.name] = group
                waiting += group.parents.values()
        found.pop(ALL, None)
        return sorted(found.values(), key=self.rank)

    def rank(self, group: Group) -> tuple[int, int, str]:
        """What decides which group's variables win: depth, priority, name."""
        return self._depths[group.name], group.priority, group.name


def _priority(key: Text, value: Any) -> int:
    try:
        return int(value)
    except (TypeError, ValueError) as error:
        raise InventoryError(
            f"{key.origin}: {PRIORITY} is {value!r}, which is no whole number",
            hint="write a number, e.g. 10; the higher one wins",
        ) from error


def remarks(tree: Tree) -> Iterator[str]:
    """What is allowed and still surprises."""
    for name in sorted(tree.groups.keys() & tree.hosts.keys()):
        yield f"{name!r} is a group and a host; variables of that name are set for the group"
    if remark := tree.names.remark():
        yield remark

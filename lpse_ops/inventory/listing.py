"""The inventory as ``ansible-inventory`` shows it: lists, documents and graphs.

Templates stay as they are and what is sealed stays sealed.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lpse_ops.inventory.declaration import ALL
from lpse_ops.inventory.inventory import Inventory
from lpse_ops.inventory.model import Group, Host
from lpse_ops.inventory.tree import PRIORITY
from lpse_ops.marked import Text

# Every host knows these of itself; ``ansible-inventory`` leaves them out as well.
INTERNAL = frozenset({"inventory_dir", "inventory_file"})
_INDENT = "  |"
# Names are ``Text``, because a plain string is one that came from a host.
_PROFILE = Text("inventory_legacy")

# What may be shown of a variable: its key, which knows the place, and its value.
Disclose = Callable[[Any, Any], Any]
Values = Mapping[Any, Any]
# Lines about the variables of something, at a depth.
Show = Callable[[Values, int], Iterator[str]]


@dataclass(frozen=True)
class View:
    """An inventory and what of it is shown; ``export`` keeps variables where they were set."""

    inventory: Inventory
    disclose: Disclose
    export: bool = False

    def host_values(self, host: Host) -> dict[str, Any]:
        """Return the variables of a host; to ``export`` only those that no group sets."""
        read = self.inventory.own_variables if self.export else self.inventory.variables
        return self._disclosed(read(host.name))

    def group_values(self, group: Group) -> dict[str, Any]:
        """Return the variables of one group, with its priority where it has one."""
        values = self._disclosed(self.inventory.group_variables(group.name))
        return values if group.priority == 1 else {**values, PRIORITY: group.priority}

    def _disclosed(self, values: Values) -> dict[str, Any]:
        return {
            str(key): self.disclose(key, value)
            for key, value in values.items()
            if key not in INTERNAL
        }


def list_inventory(view: View, hosts: Sequence[Host]) -> dict[str, Any]:
    """Return groups and ``_meta`` with these hosts only: what an inventory script would print."""
    variables = {host.name: view.host_values(host) for host in hosts}
    shown = {name: values for name, values in variables.items() if values}
    listed: dict[str, Any] = {"_meta": {"hostvars": shown, "profile": _PROFILE}}
    for group in view.inventory.groups[ALL].family():
        members = [] if group.name == ALL else [name for name in group.hosts if name in variables]
        entry = {
            "hosts": [Text(name) for name in members],
            "children": [Text(name) for name in group.children],
            "vars": view.group_values(group) if view.export else {},
        }
        if any(entry.values()):
            listed[group.name] = {key: value for key, value in entry.items() if value}
    return listed


def nest_inventory(view: View, hosts: Sequence[Host]) -> dict[str, Any]:
    """Return groups inside of each other: an inventory in YAML that says the same."""
    return _Nest(view, hosts).group(view.inventory.groups[ALL])


class _Nest:
    """Remembers what was written already: groups and hosts are written out once."""

    def __init__(self, view: View, hosts: Sequence[Host]) -> None:
        self._view = view
        self._hosts = {host.name for host in hosts}
        self._groups_seen: set[str] = set()
        self._hosts_seen: set[str] = set()

    def group(self, group: Group) -> dict[str, Any]:
        children: dict[str, Any] = {}
        for child in group.children.values():
            if child.name in self._groups_seen:
                children[child.name] = {}
            else:
                self._groups_seen.add(child.name)
                children |= self.group(child)
        hosts = {} if group.name == ALL else self._members(group)
        values = self._view.group_values(group) if self._view.export else {}
        entry = {"children": children, "hosts": hosts, "vars": values}
        shown = {key: value for key, value in entry.items() if value}
        return {group.name: shown} if shown else {}

    def _members(self, group: Group) -> dict[str, Any]:
        members: dict[str, Any] = {}
        for name, host in group.hosts.items():
            if name in self._hosts:
                is_new = name not in self._hosts_seen
                self._hosts_seen.add(name)
                members[name] = self._view.host_values(host) if is_new else {}
        return members


def graph(view: View, top: Group, *, render: Callable[[Any], str] | None) -> list[str]:
    """Return the lines of a tree of groups and hosts; with ``render`` their variables as well."""

    def show(values: Values, depth: int) -> Iterator[str]:
        for name, value in sorted(values.items()) if render else ():
            yield _line(f"{{{name} = {render(value) if render else value}}}", depth)

    return list(_graph(view, top, 0, show))


def _graph(view: View, group: Group, depth: int, show: Show) -> Iterator[str]:
    yield _line(f"@{group.name}:", depth)
    for child in group.children.values():
        yield from _graph(view, child, depth + 1, show)
    for host in group.hosts.values() if group.name != ALL else ():
        yield _line(host.name, depth + 1)
        yield from show(view.host_values(host), depth + 2)
    yield from show(view.group_values(group), depth + 1)


def _line(text: str, depth: int) -> str:
    return f"{_INDENT * depth}--{text}" if depth else text

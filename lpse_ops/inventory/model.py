"""Groups and hosts, and everything that was ever said about a variable of theirs."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from lpse_ops.inventory.declaration import ALL
from lpse_ops.marked import Text


class Assignment(NamedTuple):
    """One value that a variable was given; ``key`` knows the place."""

    key: Text
    value: Any


class Variables:
    """The variables of one group or host; the last assignment of each counts."""

    def __init__(self) -> None:
        self._assignments: dict[str, list[Assignment]] = {}

    def set(self, key: Text, value: Any) -> None:
        self._assignments.setdefault(str(key), []).append(Assignment(key, value))

    def every(self) -> Iterator[Assignment]:
        """All assignments; those of one variable in their order."""
        return (assignment for each in self._assignments.values() for assignment in each)

    def winners(self) -> Iterator[Assignment]:
        return (each[-1] for each in self._assignments.values())

    def history(self, name: str) -> tuple[Assignment, ...]:
        """Every assignment of a variable, the oldest first."""
        return tuple(self._assignments.get(name, ()))


class Host:
    """A host; ``implicit`` is the localhost that no inventory names."""

    def __init__(self, name: str, *, source: str | None = None, implicit: bool = False) -> None:
        self.name = name
        self.source = source
        self.implicit = implicit
        self.variables = Variables()
        self.groups: dict[str, Group] = {}

    def __repr__(self) -> str:
        return f"<host {self.name}>"


class Group:
    """A group; ``hosts`` are those that were put into it directly."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.priority = 1
        self.variables = Variables()
        self.hosts: dict[str, Host] = {}
        self.children: dict[str, Group] = {}
        self.parents: dict[str, Group] = {}

    def __repr__(self) -> str:
        return f"<group {self.name}>"

    def family(self) -> Iterator["Group"]:
        """This group, its children, their children, and so on, each once and breadth first."""
        seen = {self.name}
        generation = [self]
        while generation:
            yield from generation
            nearest = [child for group in generation for child in group.children.values()]
            generation = []
            for child in nearest:
                if child.name not in seen:
                    seen.add(child.name)
                    generation.append(child)

    def every_host(self) -> list[Host]:
        """Hosts of the whole family, in the order in which Ansible runs them."""
        found = {name: host for group in self.family() for name, host in group.hosts.items()}
        if self.name == ALL:
            # ``group_by`` may put it into a group, but it is never one of all.
            return [host for host in found.values() if not host.implicit]
        return list(found.values())

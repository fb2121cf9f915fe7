"""Reads a whole inventory for ``validate``: everything as it was written, and what is wrong.

What decides which value wins is what decides it for a run; it is only given cells for values.
"""

import contextlib
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from lpse_ops.errors import InventoryError
from lpse_ops.inventory.declaration import (
    ChildStated,
    GroupStated,
    HostStated,
    OpenSealed,
    Statement,
    VariableStated,
)
from lpse_ops.inventory.faults import Faults
from lpse_ops.inventory.groupnames import GroupNames
from lpse_ops.inventory.hostvariables import HostVariables
from lpse_ops.inventory.layers import Place
from lpse_ops.inventory.load import expand_source, folders_beside
from lpse_ops.inventory.pattern import LOCALHOST
from lpse_ops.inventory.places import Places
from lpse_ops.inventory.seen import Cell, GroupSeen, HostSeen, Seen
from lpse_ops.inventory.seenfile import Asked, FileSeen, see_file
from lpse_ops.inventory.seenvars import SeenVars
from lpse_ops.inventory.sources import files_of
from lpse_ops.inventory.tree import PRIORITY, Tree
from lpse_ops.inventory.unread import VarsFolder, unread_files
from lpse_ops.marked import Origin, Text

_PORT = "ansible_port"
# Where these are found, more may be there than was understood.
_SYNTAX = frozenset(["yaml-syntax", "ini-syntax", "toml-syntax", "wrong-structure"])
_BROKEN = _SYNTAX | {"bad-host-name", "missing-source"}
_LOOP_HINT = "take one of these groups out of the other's children"


@dataclass(frozen=True)
class Beside:
    """What is known besides the inventory itself; see ``Seen``."""

    today: date
    used: Mapping[str, Origin] = field(default_factory=dict)
    defined: frozenset[str] = frozenset()
    lkpp_addresses: Sequence[str] = ()
    reserved: frozenset[str] = frozenset()


def look(
    sources: Sequence[str],
    beside: Beside,
    *,
    playbook_folder: str | None = None,
    open_sealed: OpenSealed | None = None,
    group_names: str = "never",
) -> Seen:
    """Read all sources; whatever they hold, nothing is raised."""
    looker = _Looker([expand_source(each) for each in sources], open_sealed, group_names)
    looker.read_sources()
    looker.read_variables(playbook_folder)
    return looker.seen(beside)


class _Looker:
    """What was read so far."""

    def __init__(
        self, sources: Sequence[str], open_sealed: OpenSealed | None, group_names: str
    ) -> None:
        self._sources = sources
        self._open_sealed = open_sealed
        self._faults = Faults()
        self._tree = Tree(GroupNames(group_names))
        self._hosts: list[HostSeen] = []
        self._groups: dict[GroupSeen, None] = {}
        self._cells: list[Cell] = []
        self._effective: dict[str, dict[str, Cell]] = {}
        self._is_complete = True
        self._below: dict[str, set[str]] = {}

    def read_sources(self) -> None:
        for source in self._sources:
            try:
                files = list(files_of(source))
            except InventoryError as error:
                self._faults.add_error("missing-source", error, source)
                continue
            if not files:
                hint = "put a file such as hosts.yml into it, or name another one with -i"
                self._faults.add("missing-source", Origin(source), "no file of hosts here", hint)
            for file in files:
                self._read_file(file)
        try:
            self._tree.settle()
        except InventoryError as error:
            self._faults.add_error("unreachable-children", error, "".join(self._sources[:1]))

    def _read_file(self, file: str) -> None:
        known = self._tree.groups.keys() | self._tree.names.written
        seen = see_file(Asked(file, known, self._open_sealed))
        self._faults.take(seen.faults)
        self._is_complete = self._is_complete and seen.is_read
        children = [each for each in seen.statements if isinstance(each, ChildStated)]
        circular = self._close_circles(children)
        for statement in seen.statements:
            if statement not in circular:
                self._state(statement, seen, file)

    def _close_circles(self, children: Sequence[ChildStated]) -> Sequence[ChildStated]:
        """Those children that would make a circle of groups, the first ones in the text kept."""
        circular = []
        for stated in sorted(children, key=lambda each: each.origin):
            above, below = str(stated.group), str(stated.child)
            if above in self._family(below):
                problem = f"the group {above!r} is below its own child {below!r}"
                if above == below:
                    problem = f"the group {above!r} is its own child"
                rule = "unreachable-children"
                self._faults.add(rule, stated.origin, problem, _LOOP_HINT, above)
                circular.append(stated)
            else:
                self._below.setdefault(above, set()).add(below)
        return circular

    def _family(self, group: str) -> set[str]:
        """A group and all groups below it."""
        found: set[str] = set()
        waiting = {group}
        while waiting:
            found |= waiting
            waiting = {each for name in waiting for each in self._below.get(name, ())} - found
        return found

    def _state(self, statement: Statement, seen: FileSeen, file: str) -> None:
        match statement:
            case GroupStated():
                self._tree.apply([statement], file)
                self._groups[GroupSeen(str(statement.group), "", statement.origin)] = None
            case HostStated():
                self._tree.apply([statement], file)
                host, group = str(statement.host), str(statement.group)
                self._hosts.append(HostSeen(host, group, statement.port, statement.origin))
            case ChildStated():
                self._state_child(statement, file)
            case VariableStated():
                self._state_variable(statement, seen.places, is_sealed=seen.is_sealed)

    def _state_child(self, stated: ChildStated, file: str) -> None:
        group, child = str(stated.group), str(stated.child)
        # The statement before named it as a group of its own, because it stands there as one.
        self._groups.pop(GroupSeen(child, "", stated.origin), None)
        self._groups[GroupSeen(child, group, stated.origin)] = None
        self._tree.apply([stated], file)

    def _state_variable(self, stated: VariableStated, places: Places, *, is_sealed: bool) -> None:
        owner, key = str(stated.owner), stated.key
        name = self._tree.names.use(owner)
        is_group = owner in self._tree.groups or owner not in self._tree.hosts
        if is_group and name not in self._tree.groups:
            return
        at = key.origin or Origin("")
        cell = Cell(
            *(owner, not is_group, str(key), stated.value, at, places.behind(at)),
            in_sealed_file=is_sealed,
        )
        self._cells.append(cell)
        if is_group and key == PRIORITY:
            # What is no number is told by the rule ``wrong-type``.
            with contextlib.suppress(InventoryError):
                self._tree.set_variable(owner, key, stated.value)
        else:
            self._tree.set_variable(owner, key, cell)

    def read_variables(self, playbook_folder: str | None) -> None:
        """Read ``group_vars`` and ``host_vars`` beside the sources and the playbooks."""
        folders = [(each, "inventory") for each in folders_beside(self._sources)]
        if playbook_folder is not None:
            folders.append((playbook_folder, "playbook"))
        opened: dict[str, tuple[SeenVars, SeenVars]] = {}
        places: dict[str, list[Place]] = {"inventory": [], "playbook": []}
        for folder, beside in folders:
            folder = "" if folder == "." else folder
            both = opened.setdefault(os.path.abspath(folder), self._open_folder(folder))
            places[beside].append(Place(beside, *both))
        self._merge(places["inventory"], places["playbook"])
        for groups, hosts in opened.values():
            for files in (groups, hosts):
                self._cells.extend(files.cells)
                self._is_complete = self._is_complete and files.is_complete
        for folder, _ in folders[: len(places["inventory"])]:
            # Beside playbooks there may be variables for the groups of other inventories.
            groups, hosts = opened[os.path.abspath(folder)]
            self._find_unread(groups, "group", self._tree.groups.keys())
            self._find_unread(hosts, "host", self._tree.hosts.keys() | set(LOCALHOST))

    def _open_folder(self, folder: str) -> tuple[SeenVars, SeenVars]:
        groups = os.path.join(folder, "group_vars")
        hosts = os.path.join(folder, "host_vars")
        return (
            SeenVars(groups, self._open_sealed, self._faults, is_host=False),
            SeenVars(hosts, self._open_sealed, self._faults, is_host=True),
        )

    def _merge(self, inventory: Sequence[Place], play: Sequence[Place]) -> None:
        for place in (*inventory, *play):
            for name in self._tree.groups:
                place.groups.of(name)
        variables = HostVariables(self._tree, {}, inventory, play)
        for host in self._tree.hosts.values():
            merged = variables.of(host).items()
            cells = (_as_cell(host.name, key, value) for key, value in merged)
            self._effective[host.name] = {cell.name: cell for cell in cells if cell}

    def _find_unread(self, files: SeenVars, kind: str, known: Iterable[str]) -> None:
        is_complete = self._is_complete and not _BROKEN & self._faults.by_rule.keys()
        folder = VarsFolder(files.folder, kind, frozenset(known), is_complete)
        for fault in unread_files(folder):
            self._faults.add("unread-file", *fault)

    def seen(self, beside: Beside) -> Seen:
        members = {
            name: [host.name for host in group.every_host()]
            for name, group in self._tree.groups.items()
        }
        return Seen(
            hosts=self._hosts,
            groups=list(self._groups),
            cells=self._cells,
            effective=self._effective,
            faults=self._faults.by_rule,
            members=members,
            today=beside.today,
            used=beside.used,
            defined=beside.defined,
            lkpp_addresses=beside.lkpp_addresses,
            reserved=beside.reserved,
            is_complete=self._is_complete and not _BROKEN & self._faults.by_rule.keys(),
        )


def _as_cell(host: str, key: object, value: object) -> Cell | None:
    """What won; a port behind a host's name is a variable that was never written as one."""
    if isinstance(value, Cell):
        return value
    if key == _PORT and isinstance(key, Text) and key.origin:
        return Cell(host, True, _PORT, value, key.origin, key.origin)
    return None

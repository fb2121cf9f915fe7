"""The inventory: which hosts there are, in which groups, with which variables.

Variables are as they were written: templates are not evaluated, sealed values not opened.  Any
thread may ask; what is asked is remembered until something changes.
"""

import functools
import os
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

from lpse_ops.errors import InventoryError
from lpse_ops.inventory.declaration import ALL, OpenSealed, Warn
from lpse_ops.inventory.growth import grow_group, grow_host
from lpse_ops.inventory.layers import (
    Layer,
    Place,
    Setting,
    explain,
    group_layers,
    host_layers,
    merge,
)
from lpse_ops.inventory.load import expand_source, folders_beside, load_tree
from lpse_ops.inventory.model import Group, Host
from lpse_ops.inventory.pattern import LOCALHOST, Hosts, select, split_limit, split_pattern
from lpse_ops.inventory.sources import Reading, run_script
from lpse_ops.inventory.varsfiles import VarsFiles
from lpse_ops.marked import Map, Text
from lpse_ops.vault import Vault

Patterns = str | Iterable[str]


def load_inventory(
    sources: Sequence[str],
    *,
    playbook_folder: Path | None,
    vault: Vault | None,
    warn: Warn,
    strict: bool = True,
    merge_hashes: bool = False,
) -> "Inventory":
    """Read all sources, the later ones over the earlier ones.

    A source that cannot be read is an InventoryError; without ``strict`` it is a warning, as in
    Ansible.  ``group_vars`` and ``host_vars`` are read when one of their hosts is asked about.
    ``merge_hashes`` is Ansible's setting ``hash_behaviour = merge``.
    """
    inventory = Inventory(sources, vault, warn, strict=strict, merge_hashes=merge_hashes)
    inventory.use_playbook_folder(playbook_folder)
    return inventory


class Inventory:
    """Hosts, groups and variables; ``load_inventory`` makes one."""

    def __init__(
        self,
        sources: Sequence[str],
        vault: Vault | None,
        warn: Warn,
        *,
        strict: bool,
        merge_hashes: bool,
    ) -> None:
        self._sources = [expand_source(each) for each in sources]
        self._sealed_files: set[str] = set()
        self._reading = Reading(self._open_with(vault) if vault else None, warn, run_script)
        self._strict = strict
        self._merge = functools.partial(merge, merge_hashes=merge_hashes)
        self._lock = threading.RLock()
        self._magic: dict[str, list[str]] | None = None
        self._play_folder: Path | None = None
        # What tasks added while the play ran, to be done again when the sources are read again.
        self._additions: list[Callable[[], bool]] = []
        self._start()

    @property
    def hosts(self) -> Mapping[str, Host]:
        """Hosts by name; what was given out does not change when a task adds another."""
        return self._hosts

    @property
    def groups(self) -> Mapping[str, Group]:
        return self._groups

    @property
    def sources(self) -> tuple[str, ...]:
        return tuple(self._sources)

    @property
    def sealed_files(self) -> frozenset[str]:
        """Names of the vault-encrypted files that were opened so far: what they set is secret."""
        return frozenset(self._sealed_files)

    def host(self, name: str) -> Host | None:
        """Return a host; ``localhost`` is there even where no source names it."""
        with self._lock:
            found = self._tree.hosts.get(name)
            return found if found or name not in LOCALHOST else self._implicit_host(name)

    def match(self, pattern: Patterns, limit: Patterns | None = None) -> list[Host]:
        """Return the hosts of a pattern that also match the limit, in Ansible's order.

        A pattern that names nothing is a warning; a broken one is an InventoryError.
        """
        with self._lock:
            hosts = Hosts(self.groups, self.hosts, self._implicit_host, self._reading.warn)
            chosen = select(split_pattern(pattern), hosts)
            if limit is None:
                return chosen
            within = {host.name for host in select(split_limit(limit), hosts)}
            return [host for host in chosen if host.name in within]

    def variables(self, host_name: str) -> Map:
        """Return a host's variables of all groups and files, merged; do not change the result.

        A host that no source names has what is set for ``all``, and its own ``host_vars``.
        """
        with self._lock:
            found = self._merged.get(host_name)
            if found is None:
                host = self.host(host_name) or Host(host_name)
                below = self._merge_groups(self._tree.groups_of(host))
                found = self._merge(self._host_layers(host), self._with_file(below, host))
                self._merged[host_name] = found
            return found

    def explain(self, host_name: str, variable: str) -> list[Setting]:
        """Return everything that sets a variable for a host, the weakest first."""
        with self._lock:
            host = self.host(host_name) or Host(host_name)
            groups = self._tree.groups_of(host)
            return explain([*self._group_layers(groups), *self._host_layers(host)], variable)

    def group_variables(self, group_name: str) -> Map:
        """Return what is set for one group alone, in the inventory and in its files."""
        with self._lock:
            group = self._tree.groups[group_name]
            layers = self._group_layers([group] if group_name != ALL else [])
            return self._merge(each for each in layers if each.owner == group_name)

    def own_variables(self, host_name: str) -> Map:
        """Return what is set for a host itself, without its groups."""
        with self._lock:
            host = self.host(host_name) or Host(host_name)
            return self._merge(self._host_layers(host), self._with_file(Map(), host))

    def group_names(self, host_name: str) -> list[str]:
        """Return the names of a host's groups but ``all``, sorted: ``group_names`` of a play."""
        with self._lock:
            host = self.host(host_name)
            return sorted(group.name for group in self._tree.groups_of(host)) if host else []

    def groups_magic(self) -> dict[str, list[str]]:
        """Return the names of every group's hosts: the variable ``groups``; not to be changed."""
        with self._lock:
            if self._magic is None:
                self._magic = {
                    name: [host.name for host in group.every_host()]
                    for name, group in self._tree.groups.items()
                }
            return self._magic

    def add_host(
        self,
        name: str,
        *,
        groups: Sequence[str] = (),
        variables: Mapping[str, Any] | None = None,
    ) -> bool:
        """Add a host, or groups and variables to one that is there; tell if anything changed."""
        return self._add(lambda: grow_host(self._tree, name, groups, variables or {}))

    def group_by(self, host_name: str, group: str, *, parents: Sequence[str] = (ALL,)) -> bool:
        """Put a host into a group below other groups; tell if anything changed."""
        return self._add(lambda: grow_group(self._tree, self._known(host_name), group, parents))

    def use_playbook_folder(self, folder: Path | None) -> None:
        """Read ``group_vars`` and ``host_vars`` beside the playbook in this folder from now on."""
        with self._lock:
            if folder != self._play_folder:
                self._play_folder = folder
                self._play = [self._place(str(folder), "playbook")] if folder else []
                self._forget()

    def refresh(self) -> None:
        """Read all sources again; hosts and groups that tasks added stay."""
        with self._lock:
            self._start()
            for addition in self._additions:
                addition()
            self._changed()

    def _start(self) -> None:
        self._implicit: Host | None = None
        self._tree, self._folders = load_tree(self._sources, self._reading, strict=self._strict)
        folders = folders_beside(self._sources)
        self._beside_sources = [self._place(folder, "inventory") for folder in folders]
        folder = self._play_folder
        self._play = [self._place(str(folder), "playbook")] if folder else []
        self._changed()

    def _open_with(self, vault: Vault) -> OpenSealed:
        def open_sealed(content: bytes, name: str) -> bytes:
            self._sealed_files.add(name)
            return vault.decrypt(content, name)

        return open_sealed

    def _place(self, folder: str, beside: str) -> Place:
        folder = "" if folder == "." else folder
        files = [
            VarsFiles(os.path.join(folder, name), self._reading.open_sealed, self._reading.warn)
            for name in ("group_vars", "host_vars")
        ]
        return Place(beside, *files)

    def _group_layers(self, groups: Sequence[Group]) -> Iterator[Layer]:
        return group_layers(self._tree.groups[ALL], groups, self._beside_sources, self._play)

    def _host_layers(self, host: Host) -> Iterator[Layer]:
        return host_layers(host, self._beside_sources, self._play)

    def _merge_groups(self, groups: Sequence[Group]) -> Map:
        """Hosts of the same groups share the merged variables of these."""
        names = tuple(group.name for group in groups)
        merged = self._merged_groups.get(names)
        if merged is None:
            merged = self._merged_groups[names] = self._merge(self._group_layers(groups))
        return merged

    def _with_file(self, below: Map, host: Host) -> Map:
        """Add where the host was first named: the weakest of its own variables."""
        folder = self._folders.get(host.source or "")
        return Map({**below, "inventory_file": host.source, "inventory_dir": folder})

    def _implicit_host(self, name: str) -> Host | None:
        """Return the host that ``localhost`` means where no source names it."""
        known = (host for each, host in self._tree.hosts.items() if each in LOCALHOST)
        found = next(known, self._implicit)
        if found is None:
            found = self._implicit = Host(name, implicit=True)
            found.variables.set(Text("ansible_connection"), "local")
            found.variables.set(Text("ansible_python_interpreter"), sys.executable)
        return found

    def _known(self, name: str) -> Host:
        host = self.host(name)
        if host is None:
            raise InventoryError(
                f"{name!r} is no host of the inventory", hint="see lpse-ops inventory list"
            )
        return host

    def _add(self, addition: Callable[[], bool]) -> bool:
        with self._lock:
            try:
                changed = addition()
            except InventoryError:
                # It may have gone half the way.
                self._changed()
                raise
            self._additions.append(addition)
            if changed:
                self._changed()
            return changed

    def _changed(self) -> None:
        self._tree.settle()
        self._hosts: Mapping[str, Host] = MappingProxyType(dict(self._tree.hosts))
        self._groups: Mapping[str, Group] = MappingProxyType(dict(self._tree.groups))
        self._magic = None
        self._forget()

    def _forget(self) -> None:
        self._merged: dict[str, Map] = {}
        self._merged_groups: dict[tuple[str, ...], Map] = {}

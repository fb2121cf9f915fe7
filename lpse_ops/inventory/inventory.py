"""The inventory: which hosts there are, in which groups, with which variables.

Variables are as they were written: templates are not evaluated, sealed values not opened.  Any
thread may ask; what is asked is remembered until something changes.
"""

import contextlib
import functools
import sys
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

from lpse_ops.errors import InventoryError
from lpse_ops.inventory.declaration import ALL, OpenSealed, Policy, Warn
from lpse_ops.inventory.growth import grow_group, grow_host
from lpse_ops.inventory.hostvariables import HostVariables, place_at
from lpse_ops.inventory.layers import Place, Setting
from lpse_ops.inventory.load import RunPlugin, expand_source, folders_beside, load_tree
from lpse_ops.inventory.model import Group, Host
from lpse_ops.inventory.pattern import LOCALHOST, Hosts, select, split_limit, split_pattern
from lpse_ops.inventory.plugins import Plugins
from lpse_ops.inventory.sources import Reading, run_script
from lpse_ops.marked import Map, Text
from lpse_ops.vault import Vault

Patterns = str | Iterable[str]


def load_inventory(
    sources: Sequence[str],
    *,
    playbook_folder: Path | None,
    vault: Vault | None,
    warn: Warn,
    policy: Policy | None = None,
    plugins: Plugins | None = None,
    merge_hashes: bool = False,
) -> "Inventory":
    """Read all sources, the later ones over the earlier ones.

    A source that cannot be read is an InventoryError, unless the policy lets it pass.
    ``group_vars`` and ``host_vars`` are read when one of their hosts is asked about.
    ``merge_hashes`` is Ansible's setting ``hash_behaviour = merge``.
    """
    inventory = Inventory(
        sources, vault, warn, policy=policy or Policy(), plugins=plugins, merge_hashes=merge_hashes
    )
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
        policy: Policy,
        plugins: Plugins | None,
        merge_hashes: bool,
    ) -> None:
        self._sources = [expand_source(each) for each in sources]
        self._sealed_files: set[str] = set()
        self._reading = Reading(self._open_with(vault) if vault else None, warn, run_script)
        self._policy = policy
        self._plugins = plugins
        self._merge_hashes = merge_hashes
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
    def is_parsed(self) -> bool:
        """Whether there was any source that could be read."""
        return self._is_parsed

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
            return self._variables.of(self.host(host_name) or Host(host_name))

    def explain(self, host_name: str, variable: str) -> list[Setting]:
        """Return everything that sets a variable for a host, the weakest first."""
        with self._lock:
            return self._variables.explain(self.host(host_name) or Host(host_name), variable)

    def group_variables(self, group_name: str) -> Map:
        """Return what is set for one group alone, in the inventory and in its files."""
        with self._lock:
            return self._variables.of_group(self._tree.groups[group_name])

    def own_variables(self, host_name: str) -> Map:
        """Return what is set for a host itself, without its groups."""
        with self._lock:
            return self._variables.own(self.host(host_name) or Host(host_name))

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
                self._variables.read_beside_play(self._play_places())

    def refresh(self) -> None:
        """Read all sources again; hosts and groups that tasks added stay."""
        with self._lock:
            self._start()
            for addition in self._additions:
                # The host that it was about may be gone.
                with contextlib.suppress(InventoryError):
                    addition()
            self._changed()

    def _start(self) -> None:
        self._implicit: Host | None = None
        run_plugin = self._run_plugin()
        self._tree, folders = load_tree(self._sources, self._reading, self._policy, run_plugin)
        beside = [self._place(each, "inventory") for each in folders_beside(self._sources)]
        self._is_parsed = bool(folders)
        self._variables = HostVariables(
            self._tree, folders, beside, self._play_places(), merge_hashes=self._merge_hashes
        )
        self._changed()

    def _open_with(self, vault: Vault) -> OpenSealed:
        def open_sealed(content: bytes, name: str) -> bytes:
            self._sealed_files.add(name)
            return vault.decrypt(content, name)

        return open_sealed

    def _run_plugin(self) -> RunPlugin | None:
        plugins, reading = self._plugins, self._reading
        if plugins is None:
            return None
        return functools.partial(plugins.run, open_sealed=reading.open_sealed, warn=reading.warn)

    def _place(self, folder: str, beside: str) -> Place:
        return place_at(folder, beside, self._reading.open_sealed, self._reading.warn)

    def _play_places(self) -> list[Place]:
        folder = self._play_folder
        return [self._place(str(folder), "playbook")] if folder else []

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
            if remark := self._tree.names.remark():
                self._reading.warn(remark)
            return changed

    def _changed(self) -> None:
        self._tree.settle()
        self._hosts: Mapping[str, Host] = MappingProxyType(dict(self._tree.hosts))
        self._groups: Mapping[str, Group] = MappingProxyType(dict(self._tree.groups))
        self._magic = None
        self._variables.forget()

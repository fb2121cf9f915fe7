"""The variables of hosts and groups: all that sets them, merged; remembered until told to forget.

Not for several threads at once: the inventory holds a lock.
"""

import functools
import os
from collections.abc import Iterator, Mapping, Sequence

from lpse_ops.inventory.declaration import ALL, OpenSealed, Warn
from lpse_ops.inventory.layers import (
    Layer,
    Place,
    Setting,
    explain,
    group_layers,
    host_layers,
    merge,
)
from lpse_ops.inventory.model import Group, Host
from lpse_ops.inventory.tree import Tree
from lpse_ops.inventory.varsfiles import VarsFiles
from lpse_ops.marked import Map


def place_at(folder: str, beside: str, open_sealed: OpenSealed | None, warn: Warn) -> Place:
    """The ``group_vars`` and ``host_vars`` in a folder; ``beside`` says what stands there."""
    folder = "" if folder == "." else folder
    names = [os.path.join(folder, name) for name in ("group_vars", "host_vars")]
    return Place(beside, *(VarsFiles(name, open_sealed, warn) for name in names))


class HostVariables:
    """Of one tree; ``folders`` tells, for each source, what ``inventory_dir`` is."""

    def __init__(
        self,
        tree: Tree,
        folders: Mapping[str, str | None],
        beside_sources: Sequence[Place],
        beside_play: Sequence[Place] = (),
        *,
        merge_hashes: bool = False,
    ) -> None:
        self._tree = tree
        self._folders = folders
        self._beside_sources = beside_sources
        self._beside_play = beside_play
        self._merge = functools.partial(merge, merge_hashes=merge_hashes)
        self.forget()

    def forget(self) -> None:
        """Merge anew: something changed."""
        self._merged: dict[str, Map] = {}
        self._merged_groups: dict[tuple[str, ...], Map] = {}

    def read_beside_play(self, places: Sequence[Place]) -> None:
        self._beside_play = places
        self.forget()

    def of(self, host: Host) -> Map:
        """All of a host's variables."""
        found = self._merged.get(host.name)
        if found is None:
            below = self._merge_groups(self._tree.groups_of(host))
            found = self._merge(self._host_layers(host), self._with_file(below, host))
            self._merged[host.name] = found
        return found

    def explain(self, host: Host, variable: str) -> list[Setting]:
        groups = self._tree.groups_of(host)
        return explain([*self._group_layers(groups), *self._host_layers(host)], variable)

    def of_group(self, group: Group) -> Map:
        """What is set for one group alone."""
        layers = self._group_layers([group] if group.name != ALL else [])
        return self._merge(each for each in layers if each.owner == group.name)

    def own(self, host: Host) -> Map:
        """What is set for a host itself."""
        return self._merge(self._host_layers(host), self._with_file(Map(), host))

    def _group_layers(self, groups: Sequence[Group]) -> Iterator[Layer]:
        everything = self._tree.groups[ALL]
        return group_layers(everything, groups, self._beside_sources, self._beside_play)

    def _host_layers(self, host: Host) -> Iterator[Layer]:
        return host_layers(host, self._beside_sources, self._beside_play)

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

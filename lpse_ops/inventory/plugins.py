"""Inventory plugins by their names: what a file says that begins with ``plugin: NAME``."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from lpse_ops.inventory.constructed import construct, wants_files
from lpse_ops.inventory.declaration import OpenSealed, Statement, Warn
from lpse_ops.inventory.generator import generate
from lpse_ops.inventory.hostvariables import HostVariables, place_at
from lpse_ops.inventory.load import SoFar, folders_beside
from lpse_ops.inventory.pluginfile import Evaluator, PluginFile


@dataclass(frozen=True)
class Plugins:
    """What plugins evaluate with; it takes a while to make, and most sites have no plugin."""

    make_templating: Callable[[], Evaluator]
    extra_vars: Mapping[str, Any] = field(default_factory=dict)
    merge_hashes: bool = False

    def run(
        self, name: str, file: PluginFile, so_far: SoFar, open_sealed: OpenSealed | None, warn: Warn
    ) -> list[Statement] | None:
        """What the plugin ``name`` says; None when there is no such plugin."""
        if name == "generator":
            return list(generate(file, self.make_templating()))
        if name != "constructed":
            return None
        folders = folders_beside(so_far.sources) if wants_files(file.config) else []
        places = [place_at(folder, "inventory", open_sealed, warn) for folder in folders]
        tree = so_far.tree
        tree.settle()
        variables = HostVariables(tree, {}, places, merge_hashes=self.merge_hashes)
        hosts = {
            host.name: {**variables.of(host), "inventory_hostname": host.name}
            for host in tree.hosts.values()
        }
        return list(construct(file, hosts, self.extra_vars, self.make_templating()))

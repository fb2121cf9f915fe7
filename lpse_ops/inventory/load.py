"""All sources of an inventory read into one tree, the later ones over the earlier ones."""

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from lpse_ops.inventory.declaration import Policy, Statement
from lpse_ops.inventory.groupnames import GroupNames
from lpse_ops.inventory.pluginfile import PluginFile
from lpse_ops.inventory.sources import (
    Reading,
    SourceMissing,
    files_of,
    is_host_list,
    read_source,
)
from lpse_ops.inventory.tree import Tree, remarks

# Ansible's, which nobody misses.
DEFAULT_SOURCE = "/etc/ansible/hosts"


class SoFar(NamedTuple):
    """What an inventory plugin sees: the groups and hosts of the sources before its own."""

    tree: Tree
    sources: Sequence[str]


# A plugin by its short name; None when there is no such plugin.
RunPlugin = Callable[[str, PluginFile, SoFar], list[Statement] | None]


class Loaded(NamedTuple):
    """What the sources say; ``folders`` has, for each file, what ``inventory_dir`` says."""

    tree: Tree
    folders: Mapping[str, str | None]


def load_tree(
    sources: Sequence[str], reading: Reading, policy: Policy, run_plugin: RunPlugin | None = None
) -> Loaded:
    """Read everything; what the policy lets pass is left out with a warning."""
    tree = Tree(GroupNames(policy.group_names))
    folders: dict[str, str | None] = {}
    for number, source in enumerate(sources):
        so_far = SoFar(tree, sources[:number])
        n_read = 0
        for file in files_of(source):
            try:
                statements = _read(file, so_far, reading, run_plugin)
            except SourceMissing:
                if not policy.missing_warns:
                    raise
                continue
            name = file if is_host_list(file) else os.path.abspath(file)
            folders[name] = None if is_host_list(file) else str(Path(name).parent)
            tree.apply(statements, name)
            n_read += 1
        if not n_read and policy.missing_warns and source != DEFAULT_SOURCE:
            reading.warn(f"Unable to parse {os.path.abspath(source)} as an inventory source")
    if not folders and policy.none_warns:
        reading.warn("No inventory was parsed, only implicit localhost is available")
    tree.settle()
    for remark in remarks(tree):
        reading.warn(remark)
    return Loaded(tree, folders)


def _read(
    file: str, so_far: SoFar, reading: Reading, run_plugin: RunPlugin | None
) -> list[Statement]:
    def run(name: str, config: PluginFile) -> list[Statement] | None:
        return run_plugin(name, config, so_far) if run_plugin else None

    known = so_far.tree.groups.keys() | so_far.tree.names.written
    return read_source(file, known, reading._replace(run_plugin=run))


def expand_source(source: str) -> str:
    """Return the source with ``~`` and ``$VARIABLE`` replaced, unless it is a list of hosts."""
    return source if is_host_list(source) else os.path.expanduser(os.path.expandvars(source))


def folders_beside(sources: Sequence[str]) -> list[str]:
    """Folders where ``group_vars`` may stand; a shared one counts at its last mention."""
    folders = [
        each if os.path.isdir(each) else os.path.dirname(each)
        for each in sources
        if not is_host_list(each)
    ]
    return list(dict.fromkeys(reversed(folders)))[::-1]

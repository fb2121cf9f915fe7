"""All sources of an inventory read into one tree, the later ones over the earlier ones."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from lpse_ops.errors import InventoryError
from lpse_ops.inventory.sources import Reading, files_of, is_host_list, read_source
from lpse_ops.inventory.tree import Tree, remarks


class Loaded(NamedTuple):
    """What the sources say; ``folders`` has, for each file, what ``inventory_dir`` says."""

    tree: Tree
    folders: Mapping[str, str | None]


def load_tree(sources: Sequence[str], reading: Reading, *, strict: bool) -> Loaded:
    """Read everything; without ``strict``, what cannot be read is left out with a warning."""
    tree = Tree()
    folders: dict[str, str | None] = {}
    for file in (file for source in sources for file in files_of(source)):
        try:
            statements = read_source(file, tree.groups, reading)
        except InventoryError as error:
            if strict:
                raise
            reading.warn(f"{error.message}; left out")
            continue
        name = file if is_host_list(file) else os.path.abspath(file)
        folders[name] = None if is_host_list(file) else str(Path(name).parent)
        tree.apply(statements, name)
    tree.settle()
    for remark in remarks(tree):
        reading.warn(remark)
    return Loaded(tree, folders)


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

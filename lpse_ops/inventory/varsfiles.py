"""``group_vars`` and ``host_vars``: files of variables beside an inventory or a playbook.

For a name the first of NAME, NAME.yml, NAME.yaml and NAME.json is read and no other; when it is a
folder, all files in it are, sorted.  A folder is listed once, a file read once.
"""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from lpse_ops.errors import InventoryError, PlaybookError
from lpse_ops.inventory.declaration import OpenSealed, Warn
from lpse_ops.marked import Map, Text, origin_of
from lpse_ops.markedyaml import load_marked

ENDINGS = (".yml", ".yaml", ".json")
_MAX_DEPTH = 20


# What a file sets; a file that sets nothing counts as none.
Load = Callable[[str], Map]


class VarsFile(NamedTuple):
    """One file and what it sets."""

    path: str
    variables: Map


class VarsFiles:
    """The variables of groups or hosts in one ``group_vars`` or ``host_vars`` folder."""

    def __init__(
        self, folder: str, open_sealed: OpenSealed | None, warn: Warn, load: Load | None = None
    ) -> None:
        self._folder = folder
        self._open_sealed = open_sealed
        self._warn = warn
        self._load = load or self._load_strictly
        self._found: dict[str, tuple[VarsFile, ...]] = {}
        self._names = self._list_names()

    def of(self, name: str) -> tuple[VarsFile, ...]:
        """Files for a group or host, the first one overridden by the next."""
        found = self._found.get(name)
        if found is None:
            files = [VarsFile(path, self._load(path)) for path in self._paths(name)]
            found = self._found[name] = tuple(each for each in files if each.variables)
        return found

    def _list_names(self) -> frozenset[str]:
        if not os.path.lexists(self._folder):
            return frozenset()
        if not os.path.isdir(self._folder):
            self._warn(f"{self._folder} is no folder and is left out")
            return frozenset()
        return frozenset(_list(self._folder))

    def _paths(self, name: str) -> list[str]:
        # Looked up in the listing, so that a host called ../x reaches no file outside.
        names = [name + ending for ending in ("", *ENDINGS) if name + ending in self._names]
        candidates = [each for each in names if os.path.exists(os.path.join(self._folder, each))]
        if not candidates:
            return []
        if len(candidates) > 1:
            ignored = ", ".join(candidates[1:])
            self._warn(f"{self._folder}: {candidates[0]} is read; not read are: {ignored}")
        path = os.path.join(self._folder, candidates[0])
        return list(_files_below(path)) if os.path.isdir(path) else [path]

    def _load_strictly(self, path: str) -> Map:
        try:
            content = load_marked(Path(path), open_sealed=self._open_sealed, warn=self._warn)
        except PlaybookError as error:
            raise InventoryError(error.message, hint=error.hint) from error
        if not content:
            return Map()
        if not isinstance(content, Map):
            raise InventoryError(
                f"{origin_of(content) or path}: variables are written as NAME: VALUE",
                hint="write one variable in each line, without '-' before it",
            )
        for key in content:
            if not isinstance(key, Text):
                raise InventoryError(
                    f"{content.origin}: the variable {key!r} has no name",
                    hint=f'write "{key}", or correct it',
                )
        return content


def _files_below(folder: str, *, depth: int = 0) -> Iterator[str]:
    if depth > _MAX_DEPTH:
        raise InventoryError(
            f"{folder}: folders are nested deeper than {_MAX_DEPTH} levels",
            hint="is there a symbolic link to a folder above?",
        )
    for name in sorted(_list(folder)):
        if name.startswith(".") or name.endswith("~"):
            continue
        path = os.path.join(folder, name)
        ending = os.path.splitext(name)[1]
        if os.path.isdir(path):
            if not ending:
                yield from _files_below(path, depth=depth + 1)
        elif os.path.isfile(path) and (not ending or ending in ENDINGS):
            yield path


def _list(folder: str) -> list[str]:
    try:
        return os.listdir(folder)
    except OSError as error:
        raise InventoryError(
            f"cannot read {folder}: {error.strerror}", hint="check who may read the folder"
        ) from error

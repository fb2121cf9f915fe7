"""``group_vars`` and ``host_vars`` read for ``validate``: cells in place of values."""

import os
from collections.abc import Iterable
from pathlib import Path

from lpse_ops.errors import InventoryError, PlaybookError
from lpse_ops.inventory.declaration import OpenSealed
from lpse_ops.inventory.faults import Faults, split_place
from lpse_ops.inventory.places import Places
from lpse_ops.inventory.seen import Cell
from lpse_ops.inventory.seenfile import NOT_CHECKED, open_if_possible, say_duplicate
from lpse_ops.inventory.varsfiles import VarsFile, VarsFiles
from lpse_ops.marked import Map, Origin, Text, origin_of
from lpse_ops.markedyaml import load_marked


class SeenVars:
    """One folder; every file is read once, and ``faults`` gets what is wrong with it."""

    def __init__(
        self, folder: str, open_sealed: OpenSealed | None, faults: Faults, *, is_host: bool
    ) -> None:
        self.folder = folder
        self.is_complete = True
        self._is_host = is_host
        self._open_sealed = open_sealed
        self._faults = faults
        self._places: dict[str, Places] = {}
        self._sealed: set[str] = set()
        self._found: dict[str, tuple[VarsFile, ...]] = {}
        self._files = self._list()

    def of(self, name: str) -> tuple[VarsFile, ...]:
        """Files for a group or host, with a ``Cell`` for each variable."""
        found = self._found.get(name)
        if found is None:
            found = self._found[name] = tuple(self._read(name))
        return found

    @property
    def cells(self) -> Iterable[Cell]:
        """Of everything that was asked for so far."""
        return (cell for files in self._found.values() for each in files for cell in _cells(each))

    def _list(self) -> VarsFiles | None:
        if os.path.lexists(self.folder) and not os.path.isdir(self.folder):
            problem, hint = "nobody reads this: it is no folder", "make it a folder of files"
            self._faults.add("unread-file", Origin(self.folder), problem, hint)
        try:
            return VarsFiles(self.folder, None, self._warn, self._load)
        except InventoryError as error:
            self._faults.add_error("missing-source", error, self.folder)
            return None

    def _warn(self, message: str) -> None:
        """Of files that are not read ``unread`` tells, with a place."""

    def _read(self, name: str) -> Iterable[VarsFile]:
        try:
            files = self._files.of(name) if self._files else ()
        except InventoryError as error:
            self._faults.add_error("missing-source", error, self.folder)
            return
        for file in files:
            cells = {key: self._cell(name, file, key) for key in file.variables}
            yield VarsFile(file.path, Map(cells, origin=file.variables.origin))

    def _cell(self, owner: str, file: VarsFile, key: Text) -> Cell:
        places = self._places[file.path]
        at = key.origin or Origin(file.path)
        value = file.variables[key]
        is_sealed = file.path in self._sealed
        return Cell(owner, self._is_host, str(key), value, at, places.behind(at), is_sealed)

    def _load(self, path: str) -> Map:
        places = self._places[path] = Places()
        before = len(self._faults.by_rule.get(NOT_CHECKED, ()))

        def warn(message: str) -> None:
            say_duplicate(message, path, self._faults)

        def opened(content: bytes, name: str) -> bytes:
            self._sealed.add(name)
            return open_if_possible(content, name, self._open_sealed, self._faults) or b""

        try:
            content = load_marked(Path(path), open_sealed=opened, warn=warn, note=places.note)
        except PlaybookError as error:
            has_place = split_place(error.message, path)[0].line
            self._faults.add_error("yaml-syntax" if has_place else "missing-source", error, path)
            return Map()
        if len(self._faults.by_rule.get(NOT_CHECKED, ())) > before:
            self.is_complete = False
        return self._checked(content, path, places)

    def _checked(self, content: object, path: str, places: Places) -> Map:
        if not content:
            return Map()
        if not isinstance(content, Map):
            place = origin_of(content) or Origin(path)
            hint = "write one variable in each line, without '-' before it"
            self._faults.add("wrong-structure", place, "variables are written as NAME: VALUE", hint)
            return Map()
        for key in [each for each in content if not isinstance(each, Text)]:
            place = places.of_key(content, key) or Origin(path)
            problem = f"the variable {key!r} has no name"
            self._faults.add("wrong-structure", place, problem, f'write "{key}", or correct it')
            del content[key]
        return content


def _cells(file: VarsFile) -> Iterable[Cell]:
    return file.variables.values()

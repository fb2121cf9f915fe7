"""Inventories in TOML format: the groups of YAML, but for ``children``, which is a list."""

import bisect
import re
import tomllib
from typing import Any

from lpse_ops.errors import InventoryError
from lpse_ops.inventory.declaration import Note, note_nothing
from lpse_ops.inventory.literal import mark
from lpse_ops.inventory.tomlplaces import Path, find_places
from lpse_ops.marked import Map, Origin, Seq, Text

_PLACE = re.compile(r"(.*) \(at line (\d+), column (\d+)\)")


def parse_toml(text: str, name: str, note: Note = note_nothing) -> Map:
    """Return the groups as a parsed YAML inventory has them."""
    try:
        # As the library does, so that places are counted in the same text.
        text = text.replace("\r\n", "\n")
        document = tomllib.loads(text)
        groups: Map = _Marker(text, name, note).mark(document, ())
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise _wrong(str(error), name) from error
    for group in groups.values():
        if isinstance(group, Map) and isinstance(group.get("children"), Seq):
            children = group["children"]
            names = {each: None for each in children if isinstance(each, Text)}
            group["children"] = Map(names, origin=children.origin)
    return groups


class _Marker:
    """Gives values their places; what has none has that of what it is in."""

    def __init__(self, text: str, name: str, note: Note) -> None:
        self._name = name
        self._note = note
        self._places = find_places(text)
        self._lines = [0, *(found.end() for found in re.finditer("\n", text))]

    def mark(self, value: Any, path: Path) -> Any:
        at = self._value_at(path)
        if isinstance(value, dict):
            return self._mark_table(value, path, at)
        if isinstance(value, list):
            items = (self.mark(each, (*path, number)) for number, each in enumerate(value))
            return Seq(items, origin=at)
        return mark(value, at)

    def _mark_table(self, table: dict[str, Any], path: Path, at: Origin) -> Map:
        marked = Map(origin=at)
        for key, value in table.items():
            below = (*path, key)
            span = self._places.get(below)
            key_at = self._origin(span.key) if span else at
            if span:
                self._note(marked, key, key_at, self._origin(span.value))
            marked[Text(key, key_at)] = self.mark(value, below)
        return marked

    def _value_at(self, path: Path) -> Origin:
        span = self._places.get(path)
        return self._origin(span.value) if span else Origin(self._name)

    def _origin(self, offset: int) -> Origin:
        line = bisect.bisect_right(self._lines, offset)
        return Origin(self._name, line, offset - self._lines[line - 1] + 1)


def _wrong(problem: str, name: str) -> InventoryError:
    found = _PLACE.fullmatch(problem)
    place, what = (f"{name}:{found[2]}:{found[3]}", found[1]) if found else (name, problem)
    message = f"{place}: {what[:1].lower()}{what[1:]}"
    return InventoryError(message, hint="correct the file, or write it in YAML")

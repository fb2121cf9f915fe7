"""Inventories in TOML format: the groups of YAML, but for ``children``, which is a list.

The library tells no places, so every value has the name of the file and nothing else.
"""

import re
import tomllib

from lpse_ops.errors import InventoryError
from lpse_ops.inventory.literal import mark
from lpse_ops.marked import Map, Origin, Seq, Text

_PLACE = re.compile(r"(.*) \(at line (\d+), column (\d+)\)")


def parse_toml(text: str, name: str) -> Map:
    """Return the groups as a parsed YAML inventory has them."""
    try:
        document = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise _wrong(str(error), name) from error
    groups: Map = mark(document, Origin(name))
    for group in groups.values():
        if isinstance(group, Map) and isinstance(group.get("children"), Seq):
            children = group["children"]
            names = {each: None for each in children if isinstance(each, Text)}
            group["children"] = Map(names, origin=children.origin)
    return groups


def _wrong(problem: str, name: str) -> InventoryError:
    found = _PLACE.fullmatch(problem)
    place, what = (f"{name}:{found[2]}:{found[3]}", found[1]) if found else (name, problem)
    message = f"{place}: {what[:1].lower()}{what[1:]}"
    return InventoryError(message, hint="correct the file, or write it in YAML")

"""Write a portable disk into ``lpse-ops.yml``; comments and layout stay as they are.

The text is edited at one place and read again: when it then says anything else than it should,
nothing is written, and the lines to paste are shown instead.
"""

import copy
import json
import re
from pathlib import Path
from typing import Any

from lpse_ops.atomicfile import write_atomically
from lpse_ops.errors import SettingsError
from lpse_ops.yamlfile import MAX_BYTES, YamlDocument, YamlPath, parse_yaml

_PLAIN = re.compile(r"[A-Za-z/][A-Za-z0-9_./-]*")
_WORDS = {"true", "false", "yes", "no", "on", "off", "null", "y", "n"}
_WHERE: YamlPath = ("backup", "destinations")
Fields = dict[str, Any]


def write_disk(file: Path, name: str, destination: Fields) -> bool:
    """Add the destination, or ``disk`` to the one of this name; False if only a human could.

    ``destination`` has the keys of the settings; ``name`` is among them.
    """
    real = file.resolve()
    text = _read(real)
    edited = with_disk(text, name, destination)
    if edited is None:
        return False
    if edited != text:
        try:
            write_atomically(real, edited.encode(), mode=None)
        except OSError as error:
            raise SettingsError(
                f"cannot write {file}: {error.strerror}",
                hint=f"write into {file} yourself: {render_destination(destination, '')}",
            ) from error
    return True


def _read(file: Path) -> str:
    try:
        with file.open("rb") as stream:
            return stream.read(MAX_BYTES + 1).decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"cannot read {file}", hint="check its permissions") from error


def with_disk(text: str, name: str, destination: Fields) -> str | None:
    """The edited text, or None when it cannot be edited without disturbing its layout."""
    document = parse_yaml(text.encode(), "lpse-ops.yml")
    data = document.value if isinstance(document.value, dict) else {}
    backup = data.get("backup")
    found = backup.get("destinations") if isinstance(backup, dict) else None
    destinations = found if isinstance(found, list) else []
    wanted = copy.deepcopy(data)
    names = [each.get("name") for each in destinations if isinstance(each, dict)]
    if name in names:
        index = names.index(name)
        wanted["backup"]["destinations"][index]["disk"] = destination["disk"]
        if wanted == data:
            return text
        edited = _with_key(text, document, (*_WHERE, index), destination["disk"])
    else:
        inside = backup if isinstance(backup, dict) else {}
        wanted["backup"] = {**inside, "destinations": [*destinations, destination]}
        edited = _with_item(text, document, len(destinations), destination)
    return edited if edited is not None and _says(edited, wanted) else None


def _says(text: str, wanted: Fields) -> bool:
    try:
        return bool(parse_yaml(text.encode(), "lpse-ops.yml").value == wanted)
    except SettingsError:
        return False


def _with_key(text: str, document: YamlDocument, where: YamlPath, disk: Fields) -> str | None:
    """Insert ``disk`` before the location of a destination that has none."""
    place = document.keys.get((*where, "location"))
    if place is None or (*where, "disk") in document.keys:
        return None
    at = _offset(text, place.line, place.column)
    entry = f"disk: {_render_flow(disk)}"
    is_flow = text[_offset_of(text, document, where)] == "{"
    separator = ", " if is_flow else "\n" + " " * (place.column - 1)
    return f"{text[:at]}{entry}{separator}{text[at:]}"


def _with_item(text: str, document: YamlDocument, count: int, fields: Fields) -> str | None:
    if count:
        return _after_last_item(text, document, count, fields)
    if "backup" not in (document.value or {}):
        block = f"backup:\n  destinations:\n{render_destination(fields, '    ')}"
        return f"{text.rstrip()}\n\n{block}" if text.strip() else block
    keys = [path for path in document.keys if len(path) == 2 and path[0] == "backup"]
    if not keys or _WHERE in document.keys:
        return None
    first = document.keys[keys[0]]
    indent = " " * (first.column - 1)
    at = _offset(text, first.line, first.column)
    item = render_destination(fields, f"{indent}  ")
    return f"{text[:at]}destinations:\n{item}{indent}{text[at:]}"


def _after_last_item(text: str, document: YamlDocument, count: int, fields: Fields) -> str | None:
    last = (*_WHERE, count - 1)
    start = document.values[last]
    lines = text.splitlines(keepends=True)
    dash = re.match(r"\s*(?=-\s)", lines[start.line - 1])
    if dash is None:
        return None
    inside = [at.line for path, at in document.values.items() if path[: len(last)] == last]
    head = "".join(lines[: max(inside)])
    if not head.endswith("\n"):
        head += "\n"
    return head + render_destination(fields, dash[0]) + "".join(lines[max(inside) :])


def render_destination(fields: Fields, indent: str) -> str:
    """The lines of a destination in a list, as a person would write them."""
    lines = [
        f"{key}: {_render_flow(value) if isinstance(value, dict) else _render(value)}"
        for key, value in fields.items()
    ]
    return "".join(
        f"{indent}{'- ' if number == 0 else '  '}{line}\n" for number, line in enumerate(lines)
    )


def _render_flow(fields: Fields) -> str:
    return "{" + ", ".join(f"{key}: {_render(value)}" for key, value in fields.items()) + "}"


def _render(value: str) -> str:
    is_plain = _PLAIN.fullmatch(value) and value.lower() not in _WORDS
    return value if is_plain else json.dumps(value, ensure_ascii=False)


def _offset_of(text: str, document: YamlDocument, path: YamlPath) -> int:
    place = document.values[path]
    return _offset(text, place.line, place.column)


def _offset(text: str, line: int, column: int) -> int:
    lines = text.splitlines(keepends=True)
    return sum(map(len, lines[: line - 1])) + column - 1

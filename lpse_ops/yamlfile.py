"""YAML with the place of every key and value, and the only module that imports ``yaml``.

Files may come from anyone: size, nesting and alias expansion are bounded, a key may appear once,
and only plain YAML types are built (dates stay text).  Editing keeps comments and layout.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

import yaml

from lpse_ops.atomicfile import write_atomically
from lpse_ops.errors import SettingsError

MAX_BYTES = 4 * 1024 * 1024
MAX_DEPTH = 64
# Counted after aliases are expanded, so a "billion laughs" file stops here.
MAX_NODES = 200_000
# Longer than any number that means something; YAML's base-60 numbers take quadratic time.
MAX_NUMBER_LENGTH = 64

YamlPath = tuple[str | int, ...]

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_TAG = "tag:yaml.org,2002:"
_TEXT_TAGS = {f"{_TAG}{kind}" for kind in ("str", "timestamp", "value")}
_NUMBER_TAGS = {f"{_TAG}{kind}" for kind in ("bool", "float", "int", "null")}
_PLAIN = re.compile(r"[A-Za-z0-9/][A-Za-z0-9_./-]*")
_SYNTAX_HINT = "correct the file at this line and column"


@dataclass(frozen=True, order=True)
class Position:
    """Line and column, both counted from 1."""

    line: int
    column: int


@dataclass(frozen=True)
class YamlDocument:
    """What a file says and where it says it; ``keys`` and ``values`` are indexed by path."""

    name: str
    value: Any
    keys: Mapping[YamlPath, Position]
    values: Mapping[YamlPath, Position]

    def position_of(self, path: YamlPath, *, key: bool = False) -> Position:
        """Return where the value (or its key) stands; for a missing one, its nearest parent."""
        places = self.keys if key else self.values
        while path and path not in places:
            path = path[:-1]
        return places.get(path) or self.values.get(path) or Position(1, 1)

    def place_of(self, path: YamlPath, *, key: bool = False) -> str:
        """Return ``name:line:column`` of the value (or its key)."""
        return render_place(self.name, self.position_of(path, key=key))


def render_place(name: str, position: Position) -> str:
    return f"{name}:{position.line}:{position.column}"


def load_yaml(path: Path) -> YamlDocument:
    """Read and parse a file; every failure is a SettingsError that names file and place."""
    return parse_yaml(_read(path), str(path))


def parse_yaml(content: bytes, name: str) -> YamlDocument:
    """Parse UTF-8 YAML; an empty document has the value None."""
    return _build(_compose(_decode(content, name), name), name)


def set_scalar(path: Path, where: YamlPath, value: str) -> None:
    """Set one text value in a file; comments, layout, mode and owner stay as they are."""
    real = path.resolve()
    content = _read(real)
    edited = with_scalar(_decode(content, str(path)), where, value, str(path))
    bom = content[:3] if content.startswith(b"\xef\xbb\xbf") else b""
    try:
        write_atomically(real, bom + edited.encode(), mode=None)
    except OSError as error:
        raise SettingsError(
            f"cannot write {path}: {error.strerror}", hint=_by_hand(where, value, str(path))
        ) from error


def with_scalar(text: str, where: YamlPath, value: str, name: str) -> str:
    """Return ``text`` with one text value set, or raise when only a human could do it well."""
    before = _compose(text, name)
    parent = _descend(before, where[:-1])
    edited = _edit(text, parent, where[-1], value) if parent else None
    if edited is None or not _differs_only_at(where, value, text, edited, name):
        raise SettingsError(
            f"cannot set {where[-1]!r} in {name} without disturbing its layout",
            hint=_by_hand(where, value, name),
        )
    return edited


def _by_hand(where: YamlPath, value: str, name: str) -> str:
    return f"write `{where[-1]}: {_render_scalar(value)}` into {name} yourself"


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as stream:
            # Never the whole of something endless such as a device.
            return stream.read(MAX_BYTES + 1)
    except OSError as error:
        raise SettingsError(
            f"cannot read {path}: {error.strerror}", hint="check its name and its permissions"
        ) from error


def _decode(content: bytes, name: str) -> str:
    if len(content) > MAX_BYTES:
        raise SettingsError(
            f"{name} is larger than {MAX_BYTES // 1024 // 1024} MiB", hint="is it the right file?"
        )
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = error.object[: error.start].decode("utf-8-sig")
        _fail(name, _position_at(before), "not UTF-8", hint="save the file as UTF-8 text")
    bad = yaml.reader.Reader.NON_PRINTABLE.search(text)
    if bad:
        problem = f"control character {bad.group()!r}"
        _fail(name, _position_at(text[: bad.start()]), problem)
    return text


def _position_at(text_before: str) -> Position:
    return Position(text_before.count("\n") + 1, len(text_before) - text_before.rfind("\n"))


def _fail(name: str, at: Position, problem: str, *, hint: str = _SYNTAX_HINT) -> NoReturn:
    raise SettingsError(f"{render_place(name, at)}: {problem}", hint=hint)


def _position(mark: Any) -> Position:
    return Position(mark.line + 1, mark.column + 1)


def _compose(text: str, name: str) -> yaml.Node | None:
    """Return the node tree; depth is checked first, because the composer recurses in C."""
    try:
        _check_depth(text, name)
        node: yaml.Node | None = yaml.compose(text, Loader=_LOADER)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        problem = ", ".join(part for part in (error.context, error.problem) if part)
        raise SettingsError(
            f"{render_place(name, _position(mark))}: {problem}", hint=_SYNTAX_HINT
        ) from error
    return node


def _check_depth(text: str, name: str) -> None:
    depth = 0
    for event in yaml.parse(text, Loader=_LOADER):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > MAX_DEPTH:
            _fail(name, _position(event.start_mark), f"nested deeper than {MAX_DEPTH} levels")


def _build(node: yaml.Node | None, name: str) -> YamlDocument:
    builder = _Builder(name)
    value = None if node is None else builder.build(node, ())
    return YamlDocument(name, value, builder.keys, builder.values)


@dataclass
class _Builder:
    """Turns nodes into values and notes their places."""

    name: str
    keys: dict[YamlPath, Position] = field(default_factory=dict)
    values: dict[YamlPath, Position] = field(default_factory=dict)
    nodes: int = 0
    numbers: Any = field(default_factory=lambda: _LOADER(""))

    def build(self, node: yaml.Node, path: YamlPath) -> Any:
        self.nodes += 1
        if self.nodes > MAX_NODES or len(path) > MAX_DEPTH:
            _fail(self.name, _position(node.start_mark), "aliases expand too far")
        self.values[path] = _position(node.start_mark)
        if isinstance(node, yaml.MappingNode) and node.tag == f"{_TAG}map":
            return self._build_mapping(node, path)
        if isinstance(node, yaml.SequenceNode) and node.tag == f"{_TAG}seq":
            return [self.build(child, (*path, index)) for index, child in enumerate(node.value)]
        return self._build_scalar(node)

    def _build_mapping(self, node: yaml.MappingNode, path: YamlPath) -> dict[Any, Any]:
        mapping: dict[Any, Any] = {}
        for key_node, value_node in node.value:
            at = _position(key_node.start_mark)
            if not isinstance(key_node, yaml.ScalarNode):
                _fail(self.name, at, "a key must be a single word or number")
            key = self._build_scalar(key_node)
            if key in mapping:
                first = self.keys[(*path, key)]
                _fail(self.name, at, f"duplicate key {key!r}, first seen in line {first.line}")
            self.keys[(*path, key)] = at
            mapping[key] = self.build(value_node, (*path, key))
        return mapping

    def _build_scalar(self, node: yaml.Node) -> Any:
        at = _position(node.start_mark)
        if node.tag in _TEXT_TAGS:
            return node.value
        if node.tag not in _NUMBER_TAGS:
            _fail(self.name, at, f"{node.tag.replace(_TAG, '!!')!r} is not supported here")
        if len(node.value) > MAX_NUMBER_LENGTH:
            _fail(self.name, at, "this number is too long")
        try:
            return self.numbers.construct_object(node)
        except (ValueError, LookupError):
            _fail(self.name, at, "this is not the number it says it is")


def _descend(node: yaml.Node | None, path: YamlPath) -> yaml.MappingNode | None:
    for step in path:
        if isinstance(node, yaml.SequenceNode) and isinstance(step, int):
            node = node.value[step] if 0 <= step < len(node.value) else None
        elif isinstance(node, yaml.MappingNode):
            node = _find_value(node, step)
        else:
            return None
    return node if isinstance(node, yaml.MappingNode) else None


def _find_value(node: yaml.MappingNode, key: str | int) -> yaml.Node | None:
    found = (value for name, value in node.value if name.tag in _TEXT_TAGS and name.value == key)
    return next(found, None)


def _edit(text: str, parent: yaml.MappingNode, key: str | int, value: str) -> str | None:
    """Return the edited text; the caller checks that it says what it should."""
    existing = _find_value(parent, key)
    if existing is not None:
        start, end = existing.start_mark.index, existing.end_mark.index
        gap = " " if start == end else ""
        return f"{text[:start]}{gap}{_render_scalar(value)}{text[end:]}"
    entry = f"{key}: {_render_scalar(value)}"
    if parent.flow_style:
        return _insert_in_flow(text, parent, entry)
    return _insert_line(text, parent, entry)


def _insert_in_flow(text: str, parent: yaml.MappingNode, entry: str) -> str:
    if not parent.value:
        at = text.index("{", parent.start_mark.index) + 1
        return text[:at] + entry + text[at:]
    at = parent.value[-1][1].end_mark.index
    return f"{text[:at]}, {entry}{text[at:]}"


def _insert_line(text: str, parent: yaml.MappingNode, entry: str) -> str | None:
    """Insert after the last entry that is one line: only there is the end of a line its end."""
    ends = [
        value.end_mark.index
        for key, value in parent.value
        if key.start_mark.line == value.end_mark.line
    ]
    if not ends:
        return None
    indent = " " * parent.value[0][0].start_mark.column
    newline = "\r\n" if "\r\n" in text else "\n"
    end_of_line = text.find("\n", ends[-1])
    if end_of_line < 0:
        return f"{text}{newline}{indent}{entry}"
    at = end_of_line + 1
    return f"{text[:at]}{indent}{entry}{newline}{text[at:]}"


def _render_scalar(value: str) -> str:
    """Return the value as one line of YAML that reads back as text, also inside braces."""
    is_plain = _PLAIN.fullmatch(value) and not yaml.safe_dump(value).startswith("'")
    return value if is_plain else json.dumps(value, ensure_ascii=False)


def _differs_only_at(where: YamlPath, value: str, old: str, new: str, name: str) -> bool:
    expected = _build(_compose(old, name), name).value
    target = expected
    for step in where[:-1]:
        target = target[step]
    target[where[-1]] = value
    try:
        return bool(_build(_compose(new, name), name).value == expected)
    except SettingsError:
        return False

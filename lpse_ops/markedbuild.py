"""Makes values that know their place from the events of a YAML parser; see ``markedyaml``.

Nothing recurses, so that no file can exhaust the stack.
"""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, NoReturn

import yaml

from lpse_ops.errors import PlaybookError
from lpse_ops.marked import Map, Origin, Sealed, Seq, Text, origin_of

MAX_DEPTH = 100
# Counted after aliases are expanded, so a "billion laughs" file stops here.
MAX_NODES = 1_000_000
# Longer numbers take quadratic time to read.
MAX_NUMBER_LENGTH = 1000
SYNTAX_HINT = "correct the file at this line and column"
LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

Warn = Callable[[str], None]
# A mapping, a key of it, and the places of the key and of its value, which may be a number.
Note = Callable[[Map, Any, Origin, Origin], None]
# What becomes of a key that stands twice in a mapping: "error", "warn" or "ignore".
Duplicates = str

_TAG = "tag:yaml.org,2002:"
_STRING_TAGS = {f"{_TAG}str", f"{_TAG}value", f"{_TAG}python/unicode"}
_SCALAR_TAGS = {f"{_TAG}{kind}" for kind in ("bool", "float", "int", "null", "timestamp", "binary")}
_VAULT_TAGS = {"!vault", "!vault-encrypted"}
_MISTAKES = (
    (re.compile(r"^\s*(- +)*([\w ]+: +)?\{\{"), 'put quotes around the template: "{{ ... }}"'),
    (re.compile(r"^ *\t"), "indent with spaces instead of tabs"),
    (re.compile(r""": +[^'"|>&!{\[][^'"]*:(\s|$)"""), "put quotes around a value with ': ' in it"),
    (re.compile(r""": +(['"]).*\1\s*[^\s#,\]}]"""), "put quotes around the whole value"),
)


def check_depth(depth: int, origin: Origin) -> None:
    if depth > MAX_DEPTH:
        raise PlaybookError(
            f"{origin}: nested deeper than {MAX_DEPTH} levels", hint="is it the right file?"
        )


# A key that is still to come, and the key ``<<``.
_NO_KEY, _MERGE = object(), object()


@dataclass
class _Open:
    """A mapping, set or list whose end has not come yet."""

    value: Any
    event: Any
    first_node: int
    unsafe: bool
    is_set: bool = False
    key: Any = _NO_KEY
    key_event: Any = None
    merged: list[Map] = field(default_factory=list)
    height: int = 1


@dataclass(frozen=True)
class _Anchored:
    """What an alias stands for, with its size once all aliases in it are expanded."""

    value: Any
    nodes: int
    height: int


class Builder:
    """Makes values from the events of the parser, without recursion."""

    def __init__(
        self,
        name: str,
        text: str,
        warn: Warn,
        *,
        is_json: bool,
        duplicates: Duplicates = "warn",
        note: Note | None = None,
    ) -> None:
        self._name = name
        self._text = text
        self._warn = warn
        self._is_json = is_json
        self._duplicates = duplicates
        self._note = note
        self._loader = LOADER("")
        self._stack: list[_Open] = []
        self._anchors: dict[str, _Anchored | None] = {}
        self._nodes = 0
        self._documents = 0
        self._root: Any = None
        self._handlers: dict[type, Callable[[Any], None]] = {
            yaml.ScalarEvent: self._scalar,
            yaml.AliasEvent: self._alias,
            yaml.MappingStartEvent: self._start,
            yaml.SequenceStartEvent: self._start,
            yaml.MappingEndEvent: self._end,
            yaml.SequenceEndEvent: self._end,
            yaml.DocumentStartEvent: self._document,
        }

    def build(self, events: Iterator[Any]) -> Any:
        handlers = self._handlers
        for event in events:
            handler = handlers.get(type(event))
            if handler is not None:
                handler(event)
        return self._root

    def fail(
        self, line: int, column: int, problem: str, *, hint: str = "", otherwise: str = SYNTAX_HINT
    ) -> NoReturn:
        """Raise with a place that counts from 0, and a hint for the usual mistakes.

        ``otherwise`` is the hint where the line shows none of them.
        """
        lines = self._text.split("\n", line + 1)
        shown = lines[line] if line < len(lines) else ""
        guesses = (guess for pattern, guess in _MISTAKES if pattern.search(shown))
        hint = hint or next(guesses, otherwise)
        raise PlaybookError(f"{Origin(self._name, line + 1, column + 1)}: {problem}", hint=hint)

    def _fail_at(self, event: Any, problem: str, *, hint: str = "") -> NoReturn:
        self.fail(event.start_mark.line, event.start_mark.column, problem, hint=hint)

    def _origin(self, event: Any) -> Origin:
        mark = event.start_mark
        return Origin(self._name, mark.line + 1, mark.column + 1)

    def _document(self, event: Any) -> None:
        self._documents += 1
        if self._documents > 1:
            self._fail_at(event, "a second document", hint="remove this line, or split the file")

    def _count(self, event: Any, nodes: int, height: int) -> None:
        self._nodes += nodes
        if self._nodes > MAX_NODES:
            self._fail_at(event, f"more than {MAX_NODES} values", hint="is it the right file?")
        check_depth(len(self._stack) + height, self._origin(event))

    def _scalar(self, event: Any) -> None:
        self._count(event, 1, 0)
        value = self._read_scalar(event)
        if event.anchor:
            self._anchors[event.anchor] = _Anchored(value, 1, 0)
        self._place(value, event, 0)

    def _alias(self, event: Any) -> None:
        anchored = self._anchors.get(event.anchor)
        if anchored is None:
            is_inside = event.anchor in self._anchors
            problem = "stands inside of what it names" if is_inside else "names nothing above it"
            self._fail_at(event, f"the alias *{event.anchor} {problem}")
        self._count(event, anchored.nodes, anchored.height)
        self._place(anchored.value, event, anchored.height)

    def _start(self, event: Any) -> None:
        self._count(event, 1, 1)
        if event.anchor:
            self._anchors[event.anchor] = None
        is_map = isinstance(event, yaml.MappingStartEvent)
        is_set = is_map and event.tag == f"{_TAG}set"
        known = (None, "!", "!unsafe", f"{_TAG}map" if is_map else f"{_TAG}seq")
        if not is_set and event.tag not in known:
            self._fail_tag(event)
        value = Map(origin=self._origin(event)) if is_map else Seq(origin=self._origin(event))
        unsafe = event.tag == "!unsafe" or self._is_unsafe()
        self._stack.append(_Open(value, event, self._nodes, unsafe, is_set=is_set))

    def _end(self, _: Any) -> None:
        done = self._stack.pop()
        value: Any = _merge(done.merged, done.value) if done.merged else done.value
        if done.is_set:
            value = set(value)
        elif self._is_json:
            value = resolve_marker(value)
        anchor = done.event.anchor
        if anchor:
            nodes = self._nodes - done.first_node + 1
            self._anchors[anchor] = _Anchored(value, nodes, done.height)
        self._place(value, done.event, done.height)

    def _place(self, value: Any, event: Any, height: int) -> None:
        """Put a value where it belongs: it may be the document, an item, a key or a value."""
        if not self._stack:
            self._root = value
            return
        parent = self._stack[-1]
        parent.height = max(parent.height, height + 1)
        if isinstance(parent.value, Seq):
            parent.value.append(value)
        elif parent.key is _NO_KEY:
            parent.key = self._check_key(parent, value, event)
            parent.key_event = event
        else:
            key, parent.key = parent.key, _NO_KEY
            if key is _MERGE:
                parent.merged += self._merged_maps(value, event)
            else:
                parent.value[key] = value
                if self._note:
                    at = origin_of(key) or self._origin(parent.key_event)
                    self._note(parent.value, key, at, self._origin(event))

    def _check_key(self, parent: _Open, key: Any, event: Any) -> Any:
        if isinstance(key, Map | Seq | set | Sealed):
            self._fail_at(event, "a key must be a single word or number")
        if key is not _MERGE and key in parent.value:
            self._say_duplicate(key, event)
            # A mapping keeps the first one, so that is the one that has the place of the value.
            return next(each for each in parent.value if each == key)
        return key

    def _say_duplicate(self, key: Any, event: Any) -> None:
        problem = f"Found duplicate mapping key {key!r}"
        if self._duplicates == "error":
            self._fail_at(event, problem, hint="remove one of the two")
        if self._duplicates == "warn":
            self._warn(f"{self._origin(event)}: {problem}; the last one is used")

    def _merged_maps(self, value: Any, event: Any) -> list[Map]:
        maps = Seq([value]) if isinstance(value, Map) else value
        if not isinstance(maps, Seq) or not all(isinstance(each, Map) for each in maps):
            self._fail_at(event, "'<<' needs a mapping or a list of mappings")
        # The first of a list wins, so it is laid on top.
        return list(reversed(maps))

    def _is_unsafe(self) -> bool:
        return bool(self._stack) and self._stack[-1].unsafe

    def _read_scalar(self, event: Any) -> Any:
        tag = event.tag
        unsafe = tag == "!unsafe" or self._is_unsafe()
        if tag in _VAULT_TAGS:
            return Sealed(event.value, self._origin(event))
        if self._is_json and event.implicit[0]:
            return json.loads(event.value) if event.value else None
        if tag is None or tag == "!":
            tag = self._loader.resolve(yaml.ScalarNode, event.value, event.implicit)
        elif tag == "!unsafe":
            # As Ansible: even in quotes, what looks like a number is one.
            tag = self._loader.resolve(yaml.ScalarNode, event.value, (True, False))
        if tag in _STRING_TAGS:
            return event.value if unsafe else Text(event.value, self._origin(event))
        if tag == f"{_TAG}merge":
            return _MERGE if self._wants_key() else self._fail_at(event, "'<<' is no value")
        return self._convert(event, tag)

    def _wants_key(self) -> bool:
        if not self._stack:
            return False
        return isinstance(self._stack[-1].value, Map) and self._stack[-1].key is _NO_KEY

    def _convert(self, event: Any, tag: str) -> Any:
        if tag not in _SCALAR_TAGS:
            self._fail_tag(event)
        if len(event.value) > MAX_NUMBER_LENGTH and tag != f"{_TAG}binary":
            self._fail_at(event, "this number is too long", hint="put quotes around it")
        node = yaml.ScalarNode(tag, event.value, event.start_mark, event.end_mark)
        try:
            return self._loader.yaml_constructors[tag](self._loader, node)
        except (ValueError, LookupError, AttributeError, OverflowError):
            kind = tag.removeprefix(_TAG)
            self._fail_at(event, f"this is not the {kind} it says it is", hint="put it in quotes")

    def _fail_tag(self, event: Any) -> NoReturn:
        shown = str(event.tag).replace(_TAG, "!!")
        self._fail_at(event, f"the tag {shown!r} is not supported", hint="remove the tag")


def resolve_marker(value: Any) -> Any:
    """What JSON says in place of ``!vault`` and ``!unsafe``: a mapping with just that key."""
    if isinstance(value, Map) and len(value) == 1:
        [(key, text)] = value.items()
        if isinstance(text, str) and key == "__ansible_vault":
            return Sealed(str(text), value.origin)
        if isinstance(text, str) and key == "__ansible_unsafe":
            return str(text)
    return value


def _merge(merged: list[Map], own: Map) -> Map:
    """Lay a mapping over those of its ``<<``; a key keeps the place where its value was written."""
    below: dict[Any, Any] = {}
    for each in merged:
        below.update(each)
    own_keys = {key: key for key in own}
    joined = {own_keys.get(key, key): value for key, value in below.items()}
    return Map({**joined, **own}, origin=own.origin)

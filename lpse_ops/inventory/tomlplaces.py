"""Where keys and values of a TOML file stand, which the library that reads it does not tell.

Only for text that the library has taken: nothing is checked here, and strings are not unescaped
but read by it.
"""

import re
import tomllib
from typing import NamedTuple

_BLANK = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_KEY = re.compile(r"[ \t]*([A-Za-z0-9_-]+|\"(?:[^\"\\]|\\.)*\"|'[^']*')[ \t]*")
_SCALAR = re.compile(
    r'"""(?:[^\\]|\\.)*?"{3,5}|' + r"'''.*?'{3,5}|" + r'"(?:[^"\\\n]|\\.)*"|' + r"'[^'\n]*'"
    r"|[^,\]}#\n]*",
    re.DOTALL,
)

Path = tuple[str | int, ...]


class Span(NamedTuple):
    """Where a key and its value begin, as offsets in the text."""

    key: int
    value: int


def find_places(text: str) -> dict[Path, Span]:
    """The places of every key, by the way to it; nothing for what is nested too deep."""
    scanner = _Scanner(text)
    try:
        scanner.scan()
    except RecursionError:
        return {}
    return scanner.places


class _Scanner:
    def __init__(self, text: str) -> None:
        self.places: dict[Path, Span] = {}
        self._text = text
        self._at = 0
        self._tables: dict[Path, int] = {}

    def scan(self) -> None:
        table: Path = ()
        self._skip()
        while self._at < len(self._text):
            if self._text[self._at] == "[":
                table = self._header()
            else:
                self._pair(table)
            self._skip()

    def _header(self) -> Path:
        is_list = self._text.startswith("[[", self._at)
        self._at += 2 if is_list else 1
        path: Path = ()
        for part, at in self._key():
            path = self._inside((*path, part))
            self.places.setdefault(path, Span(at, at))
        self._at += 2 if is_list else 1
        if is_list:
            number = self._tables[path] = self._tables.get(path, -1) + 1
            path = (*path, number)
        return path

    def _inside(self, path: Path) -> Path:
        """A list of tables stands for the last one of it."""
        above, name = path[:-1], path[-1]
        number = self._tables.get(above)
        has_number = bool(above) and number is not None and not isinstance(above[-1], int)
        return (*above, number, name) if has_number and number is not None else path

    def _pair(self, table: Path) -> None:
        path = table
        for part, at in self._key():
            path = (*path, part)
            self.places.setdefault(path, Span(at, at))
        self._at += 1
        self._skip()
        self.places[path] = Span(self.places[path].key, self._at)
        self._value(path)

    def _key(self) -> list[tuple[str, int]]:
        parts = []
        while found := _KEY.match(self._text, self._at):
            self._at = found.end()
            parts.append((_unquote(found[1]), found.start(1)))
            if self._text[self._at : self._at + 1] != ".":
                break
            self._at += 1
        return parts

    def _value(self, path: Path) -> None:
        opening = self._text[self._at : self._at + 1]
        if opening == "{":
            self._items(path, "}", is_table=True)
        elif opening == "[":
            self._items(path, "]", is_table=False)
        else:
            found = _SCALAR.match(self._text, self._at)
            self._at = found.end() if found else len(self._text)

    def _items(self, path: Path, closing: str, *, is_table: bool) -> None:
        self._at += 1
        self._skip()
        number = 0
        while self._text[self._at : self._at + 1] not in (closing, ""):
            if is_table:
                self._pair(path)
            else:
                self.places[*path, number] = Span(self._at, self._at)
                self._value((*path, number))
            number += 1
            self._skip()
            if self._text[self._at : self._at + 1] == ",":
                self._at += 1
                self._skip()
        self._at += 1

    def _skip(self) -> None:
        found = _BLANK.match(self._text, self._at)
        self._at = found.end() if found else self._at


def _unquote(key: str) -> str:
    return str(tomllib.loads(f"k = {key}")["k"]) if key[0] in "\"'" else key

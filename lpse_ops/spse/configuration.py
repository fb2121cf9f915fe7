"""``conf/application.conf``: Java properties as Play reads them, taken apart without losing a byte.

By the rules of ``java.util.Properties.load``: comments, continued lines, three separators, escapes;
of a key that is there twice the last value counts.  Keys such as ``%prod.db.url``, of one mode of
the framework, are keys like others.  A guess, to be checked on a real site: that LKPP's fork of
Play changes nothing of this, and reads UTF-8 as Play 1 does.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property

# Bytes that are not UTF-8 come back as they were.
_UTF8 = ("utf-8", "surrogateescape")
_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n|\Z)")
_BLANK = " \t\f"
_COMMENT = re.compile(r"[ \t\f]*(?:[#!]|[\r\n]|\Z)")
_KEY = re.compile(r"(?:[^\\=: \t\f]|\\.)*", re.DOTALL)
_SEPARATOR = re.compile(r"[ \t\f]*(?:[=:][ \t\f]*)?")
_ESCAPED = re.compile(r"\\(u[0-9A-Fa-f]{4}|.|\Z)", re.DOTALL)
_SURROGATE_PAIR = re.compile("[\ud800-\udbff][\udc00-\udfff]")
_LETTERS = {"t": "\t", "n": "\n", "r": "\r", "f": "\f"}


@dataclass(frozen=True)
class Item:
    """A property with all its lines, or one line that is none; ``line`` counts from 1."""

    # Neither shows in a traceback: it may be a password.
    raw: str = field(repr=False)
    line: int
    key: str | None = None
    value: str = field(default="", repr=False)


@dataclass(frozen=True)
class Configuration:
    """A file's items in their order."""

    items: tuple[Item, ...]

    @cached_property
    def values(self) -> dict[str, str]:
        """What the application sees."""
        return {each.key: each.value for each in self.items if each.key is not None}

    @property
    def newline(self) -> str:
        """How the file's lines end, by its first one."""
        first = self.items[0].raw if self.items else "\n"
        return "\r\n" if first.endswith("\r\n") else "\n"

    def render(self) -> bytes:
        """The bytes it was parsed from."""
        return "".join(each.raw for each in self.items).encode(*_UTF8)


def parse_configuration(content: bytes) -> Configuration:
    """Take a file apart; ``ValueError`` names the line that Java would not read, never its text."""
    items = []
    lines = iter(_lines(content.decode(*_UTF8)))
    number = 1
    for first in lines:
        raw, logical = (first, None) if _COMMENT.match(first) else _join_lines(first, lines)
        items.append(Item(raw, number) if logical is None else _parse(raw, logical, number))
        number += len(_lines(raw))
    return Configuration(tuple(items))


def _join_lines(raw: str, lines: Iterator[str]) -> tuple[str, str | None]:
    """A line with those that continue it, as they are and as one; None where they say nothing."""
    logical = _body(raw).lstrip(_BLANK)
    while _is_continued(logical):
        logical = logical[:-1]
        more = next(lines, None)
        if more is None:
            break
        raw += more
        # So it is in Java: of nothing there is no continuation.
        if not logical and _COMMENT.match(more):
            return raw, None
        if not _body(more).strip(_BLANK):
            break
        logical += _body(more).lstrip(_BLANK)
    return raw, logical


def terminate(item: Item, newline: str) -> Item:
    """The same item, ended so that another can follow it."""
    if item.raw.endswith(("\n", "\r")):
        return item
    # An empty line, lest a last backslash take in what follows.
    ending = newline * (2 if _is_continued(item.raw) else 1)
    return Item(item.raw + ending, item.line, item.key, item.value)


def join_items(items: Iterable[Item], newline: str) -> Configuration:
    """One file of items from several; each ends its own line."""
    return Configuration(tuple(terminate(each, newline) for each in items))


def _lines(text: str) -> list[str]:
    return [line for line in _LINE.findall(text) if line]


def _body(line: str) -> str:
    return line.rstrip("\r\n")


def _is_continued(line: str) -> bool:
    return (len(line) - len(line.rstrip("\\"))) % 2 == 1


def _parse(raw: str, logical: str, number: int) -> Item:
    key = _KEY.match(logical)
    # It matches the empty text, too.
    end = key.end() if key else 0
    separator = _SEPARATOR.match(logical, end)
    value = logical[separator.end() if separator else end :]
    return Item(raw, number, _unescape(logical[:end], number), _unescape(value, number))


def _unescape(text: str, number: int) -> str:
    if "\\" not in text:
        return text

    def plain(match: re.Match[str]) -> str:
        letter = match[1]
        if letter[:1] != "u":
            return _LETTERS.get(letter, letter)
        if len(letter) == 1:
            raise ValueError(f"line {number}: an escape \\u is not followed by four hex digits")
        return chr(int(letter[1:], 16))

    # Java's characters are UTF-16 units: two escapes may make one character.
    return _SURROGATE_PAIR.sub(_join_pair, _ESCAPED.sub(plain, text))


def _join_pair(match: re.Match[str]) -> str:
    return match[0].encode("utf-16-be", "surrogatepass").decode("utf-16-be")

"""The old form of a lookup's term: a key, and behind it options as ``name=value`` words."""

import codecs
import re
from collections.abc import Iterator
from typing import NamedTuple

from lpse_ops.templating.lookups.call import LookupProblem

_ESCAPE = re.compile(
    r"\\(?:U[0-9a-fA-F]{8}|u[0-9a-fA-F]{4}|x[0-9a-fA-F]{2}|N\{[^}]+\}|[\\'\"abfnrtv])"
)
_UNESCAPED_EQUALS = re.compile(r"(?<!\\)=")


class Inline(NamedTuple):
    """A term taken apart; ``key`` is None where there are options only."""

    key: str | None
    options: dict[str, str]


def read_inline(term: str) -> Inline:
    """Take a term apart; quotes hold a value with spaces together, and stay in the key."""
    keys: list[str] = []
    options: dict[str, str] = {}
    for word in _words(term):
        decoded = _decoded(word)
        equals = _UNESCAPED_EQUALS.search(decoded, 1)
        if equals:
            name, value = decoded[: equals.start()], decoded[equals.end() :]
            options[name.strip()] = _unquoted(value.strip())
        else:
            keys.append(decoded.replace("\\=", "=") if "=" in decoded else word)
    return Inline(" ".join(keys) if keys else None, options)


def _words(term: str) -> Iterator[str]:
    word, quote, before = "", "", ""
    for character in f"{term} ":
        if character in "'\"" and before != "\\":
            quote = "" if quote == character else quote or character
        if character not in " \n" or quote:
            word += character
        elif word:
            yield word
            word = ""
        before = character
    if quote:
        raise LookupProblem("a quote in a term is not closed")


def _decoded(word: str) -> str:
    try:
        return _ESCAPE.sub(lambda found: codecs.decode(found.group(), "unicode-escape"), word)
    except UnicodeDecodeError:
        raise LookupProblem("a term has a backslash before what names no character") from None


def _unquoted(value: str) -> str:
    is_quoted = len(value) > 1 and value[0] == value[-1] and value[0] in "'\""
    return value[1:-1] if is_quoted and value[-2] != "\\" else value

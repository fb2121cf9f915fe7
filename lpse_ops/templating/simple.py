"""Templates that are only text and names: ``{{ folder }}/{{ host.name }}``, most of a playbook.

They are read here, without Jinja, which takes a hundred times as long to compile one.  What is
not surely that simple is not read at all; both ways give the same values.
"""

import keyword
import re
from typing import Any

from jinja2.environment import Environment
from jinja2.utils import missing

from lpse_ops.templating.contexts import Names

_NAME = "[A-Za-z_][A-Za-z0-9_]*"
_PIECES = re.compile(rf"([^{{}}\r\n]+)|\{{\{{ *({_NAME}(?:\.{_NAME})*) *\}}\}}")
_PATH = re.compile(rf" *{_NAME}(?:\.{_NAME})* *")
# Words of Jinja, besides those of Python: they are no variables, or no common ones.
_WORDS = frozenset(
    {"true", "false", "none", "self", "super", "loop", "caller", "varargs", "kwargs"}
)

Path = tuple[str, ...]


class SimpleTemplate:
    """Text, and names with what is in them: pieces that are shown one after the other."""

    __slots__ = ("_environment", "_names", "_pieces")

    def __init__(self, environment: Environment, pieces: tuple[str | Path, ...]) -> None:
        self._environment = environment
        self._pieces = pieces
        self._names = tuple(dict.fromkeys(each[0] for each in pieces if isinstance(each, tuple)))

    def parts(self, scope: Names) -> list[Any]:
        """What each piece is with the variables of a scope; each of these is read once."""
        values = {name: self._find(name, scope) for name in self._names}
        return [
            piece if isinstance(piece, str) else self._follow(values[piece[0]], piece)
            for piece in self._pieces
        ]

    def _find(self, name: str, scope: Names) -> Any:
        value = scope.find(name)
        if value is missing:
            value = self._environment.globals.get(name, missing)
        return self._environment.undefined(name=name) if value is missing else value

    def _follow(self, value: Any, path: Path) -> Any:
        for name in path[1:]:
            value = self._environment.getattr(value, name)
        return value


def parse_simple(environment: Environment, source: str) -> SimpleTemplate | None:
    """The template, or None if it is not simple; ``environment`` has Jinja's own brackets."""
    pieces: list[str | Path] = []
    end = 0
    for match in _PIECES.finditer(source):
        if match.start() != end:
            return None
        end = match.end()
        text, name = match.groups()
        pieces.append(text or tuple(name.split(".")))
    if end != len(source) or any(_is_word(each[0]) for each in pieces if isinstance(each, tuple)):
        return None
    return SimpleTemplate(environment, tuple(pieces))


def parse_name(environment: Environment, source: str) -> SimpleTemplate | None:
    """A bare expression that is a name and no more, or None."""
    path = tuple(source.strip(" ").split("."))
    is_simple = _PATH.fullmatch(source) and not _is_word(path[0])
    return SimpleTemplate(environment, (path,)) if is_simple else None


def _is_word(name: str) -> bool:
    return name in _WORDS or keyword.iskeyword(name)

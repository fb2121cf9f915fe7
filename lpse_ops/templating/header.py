"""The first line ``#jinja2: name: value, ...`` of a template file: it changes the syntax."""

import ast
from dataclasses import dataclass
from typing import Any

from lpse_ops.templating.environment import Syntax

_MARK = "#jinja2:"


class HeaderProblem(Exception):
    """The first line of a template is not what it should be."""


@dataclass(frozen=True)
class Headed:
    """A template without its header line; ``lines`` is how many lines were taken off."""

    source: str
    syntax: Syntax
    lines: int


def split_header(source: str, syntax: Syntax) -> Headed:
    """Take the header off, if there is one, and apply it to the syntax."""
    if not source.startswith(_MARK):
        return Headed(source, syntax, 0)
    line, newline, rest = source.partition("\n")
    if not newline:
        raise HeaderProblem(f"Missing newline after {_MARK!r}")
    changes = dict(_read_pair(pair) for pair in line[len(_MARK) :].split(","))
    return Headed(rest, syntax._replace(**changes), 1)


def _read_pair(pair: str) -> tuple[str, Any]:
    name, colon, text = pair.partition(":")
    name = name.strip()
    if not colon:
        raise HeaderProblem(f"Missing key-value separator `:` in {pair!r} behind {_MARK!r}")
    if name not in Syntax._fields:
        raise HeaderProblem(f"{name!r} is none of {', '.join(Syntax._fields)}")
    default = Syntax._field_defaults[name]
    kind = str if default is None else type(default)
    try:
        value = ast.literal_eval(text.strip())
    except (ValueError, SyntaxError):
        raise HeaderProblem(f"{name} must be a value of Python, not {text.strip()!r}") from None
    if not isinstance(value, kind):
        raise HeaderProblem(f"{name} must be a {kind.__name__}, not {value!r}")
    return name, value

"""Two habits of templates in YAML that Jinja itself does not know.

A backslash in a string between ``{{`` and ``}}`` is a backslash.  A string that is written into a
condition, or as an argument of a lookup, may be a template itself: ``lookup('file', '{{ x }}')``.
"""

from collections.abc import Iterable, Iterator
from typing import Any

from jinja2 import nodes

# What the call of a string that is a template is compiled to.
EMBEDDED = "_lpse_ops_embedded"
RawToken = tuple[int, str, str]
_LOOKUPS = ("lookup", "query", "q")


def is_template(text: str) -> bool:
    """Tell whether a string has the marks of a template at all."""
    return "{" in text and ("{{" in text or "{%" in text or "{#" in text)


def keep_backslashes(tokens: Iterable[RawToken]) -> Iterator[RawToken]:
    """The same tokens, with backslashes in strings between ``{{ }}`` that stay backslashes."""
    inside = False
    for line, kind, text in tokens:
        if kind in ("variable_begin", "variable_end"):
            inside = kind == "variable_begin"
        if inside and kind == "string":
            text = text[0] + text[1:-1].replace("\\", "\\\\") + text[-1]
        yield line, kind, text


def resolve_embedded(tree: nodes.Template, *, everywhere: bool) -> None:
    """Let strings that are templates be resolved: in arguments of lookups, or everywhere."""
    if everywhere:
        _replace_in(tree)
        return
    for call in tree.find_all(nodes.Call):
        if isinstance(call.node, nodes.Name) and call.node.name in _LOOKUPS:
            _replace_in(call)


def _replace_in(node: nodes.Node) -> None:
    for name, value in node.iter_fields():
        if isinstance(value, list):
            setattr(node, name, [_replaced(each) for each in value])
        else:
            setattr(node, name, _replaced(value))


def _replaced(value: Any) -> Any:
    if isinstance(value, nodes.Const):
        return _call(value) if isinstance(value.value, str) and is_template(value.value) else value
    if isinstance(value, nodes.Node) and getattr(value, "name", None) != EMBEDDED:
        _replace_in(value)
    return value


def _call(const: nodes.Const) -> nodes.Call:
    function = nodes.Name(EMBEDDED, "load", lineno=const.lineno)
    return nodes.Call(function, [const], [], None, None, lineno=const.lineno)

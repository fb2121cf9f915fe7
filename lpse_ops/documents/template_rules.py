"""What a template of the LPSE's own may say: put texts in, repeat for each of a list, choose.

The template may come from anyone.  No calls, no arithmetic, no other names than those of the
paper, and loops at most two deep: its work is bounded, and nothing of the program can be reached.
"""

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from jinja2 import StrictUndefined, TemplateError, nodes
from jinja2.sandbox import SandboxedEnvironment

from lpse_ops.errors import PaperError

DEEPEST_LOOP = 2
FILTERS = frozenset({"upper", "lower", "title", "capitalize", "trim", "length", "join"})
TESTS = frozenset({"defined", "undefined", "none", "even", "odd"})
LOOP = frozenset({"index", "first", "last", "length"})
_ALLOWED = (
    nodes.Template,
    nodes.Output,
    nodes.TemplateData,
    nodes.Name,
    nodes.Getattr,
    nodes.Const,
    nodes.Filter,
    nodes.Test,
    nodes.If,
    nodes.For,
    nodes.Not,
    nodes.And,
    nodes.Or,
    nodes.Compare,
    nodes.Operand,
)


class RestrictedEnvironment(SandboxedEnvironment):
    """Jinja's sandbox, which in addition refuses a template that breaks the rules."""

    def __init__(self, fields: Collection[str]) -> None:
        super().__init__(autoescape=True, undefined=StrictUndefined)
        self.globals.clear()
        self._fields = frozenset(fields)

    def from_string(self, source: Any, *args: Any, **options: Any) -> Any:
        check_rules(self.parse(source), self._fields)
        return super().from_string(source, *args, **options)


def field_names(texts: Mapping[str, Any]) -> set[str]:
    """Return the names of all fields, at every depth."""
    names = set(texts)
    for value in texts.values():
        for item in value if isinstance(value, list | tuple) else [value]:
            if isinstance(item, Mapping):
                names |= field_names(item)
    return names


def check_rules(template: nodes.Template, fields: Collection[str]) -> None:
    """Raise PaperError at the first thing in a parsed template that the rules do not know."""
    for node, loops, known in _walk(template, 0, frozenset(fields)):
        problem = _problem(node, known, loops)
        if problem:
            raise PaperError(
                f"the template may not hold {problem}",
                hint="`lpse-ops paper template --output FILE.docx` writes one to start from",
            )


def _walk(
    node: nodes.Node, loops: int, known: frozenset[str]
) -> Iterator[tuple[nodes.Node, int, frozenset[str]]]:
    if isinstance(node, nodes.For):
        loops += 1
        if isinstance(node.target, nodes.Name):
            known |= {node.target.name, "loop"}
    yield node, loops, known
    for child in node.iter_child_nodes():
        yield from _walk(child, loops, known)


def _problem(node: nodes.Node, known: frozenset[str], loops: int) -> str | None:
    if not isinstance(node, _ALLOWED):
        return f"{type(node).__name__.lower()!r}"
    if isinstance(node, nodes.Name) and node.name not in known:
        return f"the unknown field {node.name[:40]!r}"
    if isinstance(node, nodes.Getattr) and node.attr not in known | LOOP:
        return f"the unknown field {node.attr[:40]!r}"
    if isinstance(node, nodes.Filter) and node.name not in FILTERS:
        return f"the filter {node.name[:40]!r}"
    if isinstance(node, nodes.Test) and node.name not in TESTS:
        return f"the test {node.name[:40]!r}"
    if isinstance(node, nodes.For):
        return _loop_problem(node, loops)
    return None


def _loop_problem(node: nodes.For, loops: int) -> str | None:
    if loops > DEEPEST_LOOP:
        return f"loops more than {DEEPEST_LOOP} deep"
    if not isinstance(node.target, nodes.Name) or node.recursive:
        return "a loop of this kind"
    if not isinstance(node.iter, nodes.Name | nodes.Getattr):
        return "a loop over anything but a list of the paper"
    return None


def explain(error: TemplateError) -> PaperError:
    """Return the error of a template, in our words."""
    return PaperError(
        f"the template cannot be filled: {str(error.message or error)[:200]}",
        hint="`lpse-ops paper template --output FILE.docx` writes one to start from",
    )

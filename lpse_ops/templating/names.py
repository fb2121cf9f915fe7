"""Which variables a template asks for, found by reading it: nothing is evaluated.

A name behind ``default()`` may be missing; one that is asked for with ``is defined`` is optional
by the will of who wrote it.  All others have to be there.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from jinja2 import nodes
from jinja2.defaults import DEFAULT_NAMESPACE
from jinja2.exceptions import TemplateError
from jinja2.meta import find_undeclared_variables
from jinja2.parser import Parser
from jinja2.visitor import NodeTransformer

from lpse_ops.templating.contexts import NoNames
from lpse_ops.templating.environment import AnsibleEnvironment, Syntax
from lpse_ops.templating.functions import GLOBALS

# They are functions wherever no variable hides them.
FUNCTIONS = frozenset({*DEFAULT_NAMESPACE, *GLOBALS})
_DEFAULTS = frozenset({"default", "d"})
_QUESTIONS = frozenset({"defined", "undefined"})


class NamesIn(NamedTuple):
    """The variables in one template; ``needed`` has the line of the first use of each."""

    needed: Mapping[str, int]
    defaulted: frozenset[str] = frozenset()
    asked: frozenset[str] = frozenset()

    def every(self) -> frozenset[str]:
        return frozenset(self.needed) | self.defaulted | self.asked


NOTHING = NamesIn({})


class NameReader:
    """Reads each source once; what has a mistake in its syntax has no names."""

    def __init__(self) -> None:
        self._environments: dict[Syntax, AnsibleEnvironment] = {}
        self._templates: dict[tuple[str, Syntax], NamesIn] = {}
        self._expressions: dict[str, NamesIn] = {}

    def template(self, source: str, syntax: Syntax | None = None) -> NamesIn:
        """Names in a text with ``{{ }}``, or in a template file."""
        key = str(source), syntax or Syntax()
        if key not in self._templates:
            environment = self._environment(key[1])
            self._templates[key] = _read(lambda: environment.parse(key[0]))
        return self._templates[key]

    def expression(self, source: str) -> NamesIn:
        """Names in a condition, which has no braces."""
        text = str(source)
        if text not in self._expressions:
            environment = self._environment(Syntax())
            self._expressions[text] = _read(lambda: _parse_expression(environment, text))
        return self._expressions[text]

    def _environment(self, syntax: Syntax) -> AnsibleEnvironment:
        if syntax not in self._environments:
            made = AnsibleEnvironment(syntax, in_yaml=True, no_names=NoNames())
            self._environments[syntax] = made
        return self._environments[syntax]


def _parse_expression(environment: AnsibleEnvironment, source: str) -> nodes.Template:
    parser = Parser(environment, source, state="variable")
    expression = parser.parse_expression()
    tree = nodes.Template([nodes.Output([expression], lineno=1)], lineno=1)
    return tree.set_environment(environment)  # type: ignore[return-value]


def _read(parse: Callable[[], nodes.Template]) -> NamesIn:
    bare = _Bare()
    try:
        tree = bare.visit(parse())
        undeclared = find_undeclared_variables(tree) - FUNCTIONS
    # A mistake is told where the template is checked; nothing that deep is ever evaluated.
    except (TemplateError, RecursionError):
        return NOTHING
    lines: dict[str, int] = {}
    for name in tree.find_all(nodes.Name):
        if name.name in undeclared:
            lines[name.name] = min(name.lineno, lines.get(name.name, name.lineno))
    return NamesIn(lines, frozenset(bare.defaulted), frozenset(bare.asked))


class _Bare(NodeTransformer):
    """Takes out what may be undefined, and filters and tests, which need not be known here."""

    def __init__(self) -> None:
        self.defaulted: set[str] = set()
        self.asked: set[str] = set()

    def visit_Filter(self, node: nodes.Filter) -> nodes.Node:
        return self._taken_out(node, _DEFAULTS, self.defaulted)

    def visit_Test(self, node: nodes.Test) -> nodes.Node:
        return self._taken_out(node, _QUESTIONS, self.asked)

    def visit_FilterBlock(self, node: nodes.FilterBlock) -> Any:
        self.generic_visit(node)
        return node.body

    def visit_AssignBlock(self, node: nodes.AssignBlock) -> nodes.Node:
        node.filter = None
        return self.generic_visit(node)

    def _taken_out(
        self, node: nodes.Filter | nodes.Test, open_names: frozenset[str], found: set[str]
    ) -> nodes.Node:
        kept: list[Any] = [*node.args, *(each.value for each in node.kwargs)]
        first = node.node
        if first is not None:
            root, inside = (
                _root(first) if node.name.rpartition(".")[2] in open_names else (None, [])
            )
            if isinstance(root, nodes.Name):
                found.add(root.name)
            kept += inside if isinstance(root, nodes.Name) else [first]
        return self.generic_visit(nodes.List(kept, lineno=node.lineno))


def _root(node: nodes.Node) -> tuple[nodes.Node, list[nodes.Node]]:
    """What ``a`` is in ``a.b[c] | int``, and the other values on the way: ``c``."""
    inside: list[nodes.Node] = []
    while isinstance(node, nodes.Getattr | nodes.Getitem | nodes.Filter) and node.node is not None:
        if isinstance(node, nodes.Getitem):
            inside.append(node.arg)
        elif isinstance(node, nodes.Filter):
            inside += [*node.args, *(each.value for each in node.kwargs)]
        node = node.node
    return node, inside

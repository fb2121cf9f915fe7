"""What kind of value an expression gives, as far as its text tells: nothing is evaluated.

For lint.  ``known`` says the same of names; what nobody can know has no kind at all.
"""

import functools
from collections.abc import Iterator, Mapping
from typing import Any

import jinja2
from jinja2 import nodes

# A kind is a word; "" is one that only a run can tell.
Kinds = frozenset[str]
TEXT, NUMBER, LIST, MAPPING, TRUTH, NOTHING = (
    "text",
    "number",
    "list",
    "mapping",
    "truth",
    "nothing",
)
UNKNOWN: Kinds = frozenset({""})
# What a result of a module holds, whatever the module is.
_OF_RESULTS = {
    "stdout": TEXT,
    "stderr": TEXT,
    "rc": NUMBER,
    "stdout_lines": LIST,
    "stderr_lines": LIST,
    "results": LIST,
    "changed": TRUTH,
    "failed": TRUTH,
}
RESULT = "result"
_FILTERS = {
    NUMBER: "int float length count sum abs round",
    TEXT: "string lower upper join replace trim regex_replace to_json to_nice_json to_yaml quote "
    "b64decode b64encode basename dirname capitalize title indent",
    LIST: "list map select selectattr reject rejectattr unique flatten sort split difference union "
    "intersect dict2items subelements zip",
    MAPPING: "combine items2dict",
    TRUTH: "bool",
}
_KIND_OF_FILTER = {name: kind for kind, names in _FILTERS.items() for name in names.split()}
_TEXT_METHODS = frozenset(dir(str))
_FILES = frozenset({"file", "pipe", "url"})
_JSON_FILTERS = frozenset({"to_json", "to_nice_json", "b64decode"})


@functools.lru_cache(maxsize=4096)
def parse_template(text: str) -> nodes.Template | None:
    """The tree of a template; None for what is none."""
    try:
        # Never rendered: there is nothing to escape.
        return jinja2.Environment(extensions=["jinja2.ext.do"]).parse(text)  # noqa: S701
    except jinja2.TemplateError:
        return None


def in_braces(text: str) -> str:
    """The template that gives what an expression gives."""
    return "{{ (" + text + "\n) }}"


def parse_expression(text: str) -> nodes.Expr | None:
    """The tree of an expression without braces."""
    return lone_expression(in_braces(text))


def lone_expression(text: str) -> nodes.Expr | None:
    """The expression of a template that is nothing but one."""
    tree = parse_template(text.strip())
    if tree is None or len(tree.body) != 1 or not isinstance(tree.body[0], nodes.Output):
        return None
    [*expressions] = tree.body[0].nodes
    is_lone = len(expressions) == 1 and not isinstance(expressions[0], nodes.TemplateData)
    return expressions[0] if is_lone else None


def kinds_of(node: nodes.Node, known: Mapping[str, Kinds]) -> Kinds:
    """Every kind of value that an expression may give."""
    kinds = functools.partial(kinds_of, known=known)
    match node:
        case nodes.Const():
            return frozenset({kind_of_value(node.value)})
        case nodes.Compare() | nodes.Not() | nodes.Test():
            return frozenset({TRUTH})
        case nodes.And() | nodes.Or():
            return kinds(node.left) | kinds(node.right)
        case nodes.CondExpr():
            return kinds(node.expr1) | (kinds(node.expr2) if node.expr2 else UNKNOWN)
        case nodes.List() | nodes.Tuple():
            return frozenset({LIST})
        case nodes.Dict():
            return frozenset({MAPPING})
        case nodes.Concat():
            return frozenset({TEXT})
        case nodes.BinExpr():
            both = kinds(node.left) | kinds(node.right)
            return both if both == {NUMBER} else UNKNOWN
        case nodes.Name():
            return known.get(node.name, UNKNOWN)
        case nodes.Getattr() | nodes.Getitem():
            return _kinds_of_attribute(node, known)
        case nodes.Filter():
            return _kinds_of_filter(node, known)
    return UNKNOWN


def kind_of_value(value: Any) -> str:
    """The kind of a value that is no template."""
    if isinstance(value, bool):
        return TRUTH
    kinds: tuple[tuple[Any, str], ...] = (
        (str, TEXT),
        ((int, float), NUMBER),
        ((list, tuple), LIST),
        (dict, MAPPING),
        (type(None), NOTHING),
    )
    return next((kind for types, kind in kinds if isinstance(value, types)), "")


def compared_numbers(tree: nodes.Node, known: Mapping[str, Kinds]) -> Iterator[str]:
    """Every number in quotes that something is compared with that is a number for certain."""
    for each in tree.find_all(nodes.Compare):
        if len(each.ops) == 1 and each.ops[0].op in ("eq", "ne"):
            sides = (each.expr, each.ops[0].expr)
            for one, other in (sides, sides[::-1]):
                if _is_quoted_number(one) and kinds_of(other, known) == {NUMBER}:
                    yield str(one.as_const())


def parts_taken(tree: nodes.Node) -> Iterator[str]:
    """Names of which a part is taken that no text has: ``name.key``, ``name['key']``."""
    called = {id(call.node) for call in tree.find_all(nodes.Call)}
    for attribute in tree.find_all(nodes.Getattr):
        is_method = attribute.attr in _TEXT_METHODS and id(attribute) in called
        if isinstance(attribute.node, nodes.Name) and not is_method:
            yield attribute.node.name
    for item in tree.find_all(nodes.Getitem):
        key = item.arg.value if isinstance(item.arg, nodes.Const) else None
        if isinstance(item.node, nodes.Name) and isinstance(key, str):
            yield item.node.name


def may_be_json(node: nodes.Node, known: Mapping[str, Kinds]) -> bool:
    """Whether an expression gives text that somebody else wrote, perhaps as JSON."""
    match node:
        case nodes.Filter():
            return node.name in _JSON_FILTERS
        case nodes.Getattr():
            return node.attr == "stdout" and kinds_of(node, known) == {TEXT}
        case nodes.Call(node=nodes.Name(name="lookup"), args=[nodes.Const(value=name), *_]):
            return str(name).rpartition(".")[2] in _FILES
    return False


def has_omit_in_list(tree: nodes.Node) -> bool:
    """Whether ``omit`` may become an element of a list that is written in the expression."""
    return any(
        (isinstance(element, nodes.Name) and element.name == "omit") or _defaults_to_omit(element)
        for each in tree.find_all(nodes.List)
        for element in each.items
    )


def _defaults_to_omit(node: nodes.Node) -> bool:
    if not isinstance(node, nodes.Filter) or node.name not in ("default", "d"):
        return False
    return any(isinstance(each, nodes.Name) and each.name == "omit" for each in node.args)


def is_omitted(text: str) -> bool:
    """Whether a template is nothing but ``omit`` or something that defaults to it."""
    node = lone_expression(text)
    if node is None:
        return False
    return _defaults_to_omit(node) or (isinstance(node, nodes.Name) and node.name == "omit")


def _is_quoted_number(node: nodes.Node) -> bool:
    value = node.value if isinstance(node, nodes.Const) else None
    return isinstance(value, str) and value.replace(".", "", 1).isdigit()


def _kinds_of_attribute(node: nodes.Getattr | nodes.Getitem, known: Mapping[str, Kinds]) -> Kinds:
    name = node.attr if isinstance(node, nodes.Getattr) else getattr(node.arg, "value", None)
    owner = known.get(node.node.name, UNKNOWN) if isinstance(node.node, nodes.Name) else UNKNOWN
    return frozenset({_OF_RESULTS.get(str(name), "")}) if owner == {RESULT} else UNKNOWN


def _kinds_of_filter(node: nodes.Filter, known: Mapping[str, Kinds]) -> Kinds:
    if node.name in ("default", "d"):
        given = kinds_of(node.node, known) if node.node else UNKNOWN
        return given | (kinds_of(node.args[0], known) if node.args else frozenset({TEXT}))
    if node.name == "ternary" and len(node.args) >= 2:
        return kinds_of(node.args[0], known) | kinds_of(node.args[1], known)
    return frozenset({_KIND_OF_FILTER.get(node.name, "")})

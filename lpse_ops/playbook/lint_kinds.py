"""Traps of ``playbook lint`` that take a value's kind to see: what 2.18 and 2.19 read differently.

A rule takes a task and what is known of the play's variables.
"""

import ast
import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from lpse_ops.marked import Map, Text, every_text, origin_of
from lpse_ops.playbook.actions_table import is_template
from lpse_ops.playbook.definitions import definitions, known_kinds
from lpse_ops.playbook.keywords import values_of
from lpse_ops.playbook.mode_trap import Finding
from lpse_ops.playbook.model import Play, Task
from lpse_ops.templating import shapes

_CONDITIONS = ("when", "until", "changed_when", "failed_when")
_WORDS = {
    shapes.TEXT: ("a text", " | length > 0"),
    shapes.NUMBER: ("a number", " > 0"),
    shapes.LIST: ("a list", " | length > 0"),
    shapes.MAPPING: ("a mapping", " | length > 0"),
    shapes.RESULT: ("a whole result", " is changed"),
    shapes.NOTHING: ("nothing", " is not none"),
}
_NO_LIST = {shapes.TEXT, shapes.NUMBER, shapes.MAPPING, shapes.RESULT}
_STATEMENT = re.compile(r"\{%.*?%\}", re.S)
_EXPRESSION = re.compile(r"\{\{.*?\}\}", re.S)


@dataclass(frozen=True)
class Known:
    """``json_names`` are variables whose text may be JSON, to which somebody gave no type."""

    kinds: Mapping[str, shapes.Kinds] = field(default_factory=dict)
    json_names: frozenset[str] = frozenset()


def learn(play: Play, tasks: list[Task]) -> Known:
    """What the files say of the variables of a play."""
    kinds = known_kinds(play, tasks)
    values = list(definitions(play, tasks))
    literal = {str(name) for name, value in values if _is_json(value)}
    names = set()
    for name, value in values:
        node = shapes.lone_expression(value) if is_template(value) else None
        if node is not None and (shapes.may_be_json(node, kinds) or _name_of(node) in literal):
            names.add(str(name))
    return Known(kinds, frozenset(names | literal))


def condition_without_truth(task: Task, known: Known) -> Iterator[Finding]:
    """``when: x | length``: only true and false are conditions since 2.19."""
    for name, condition in conditions(task):
        tree = None if is_template(condition) else shapes.parse_expression(condition)
        if tree is None:
            continue
        kinds = shapes.kinds_of(tree, known.kinds)
        is_sure = not kinds & {"", shapes.TRUTH} or not _is_name(tree)
        wrong = [kind for kind in _WORDS if kind in kinds]
        if wrong and is_sure:
            word, comparison = _WORDS[wrong[0]]
            written = str(condition).strip()
            shown = f"({written})" if " and " in written or " or " in written else written
            yield Finding(
                origin_of(condition),
                "condition-type",
                f"{name} may give {word}, no true or false: an error since ansible-core 2.19",
                f"compare it: {shown}{comparison}, or end it with | bool",
            )


def quoted_number(task: Task, known: Known) -> Iterator[Finding]:
    """``n | int == "5"``: what is calculated is a number since 2.19, and was a text before."""
    for text, tree in _trees(task):
        for number in shapes.compared_numbers(tree, known.kinds):
            yield Finding(
                origin_of(text),
                "quoted-number",
                f"a number is never equal to the text {number!r} since ansible-core 2.19",
                f"write {number} without quotes, and the other side with | int",
            )


def json_without_type(task: Task, known: Known) -> Iterator[Finding]:
    """Text that looks like JSON was a mapping or list before 2.19, and is text since."""
    loop = task.loop.value if task.loop is not None and task.loop.kind == "loop" else None
    lone = shapes.lone_expression(loop) if loop is not None and is_template(loop) else None
    looped = {_name_of(lone)} if lone is not None else set()
    for text, tree in _trees(task):
        taken = set(shapes.parts_taken(tree)) | (looped if text is loop else set())
        for name in sorted(taken & known.json_names):
            yield Finding(
                origin_of(text),
                "json-text",
                f"{name} is a text: ansible-core before 2.19 made a mapping or a list of its JSON",
                f"write ({name} | from_json)",
            )


def omit_in_list(task: Task, known: Known) -> Iterator[Finding]:  # noqa: ARG001
    """``[a, omit]``: an element that is left out since 2.19, and a strange text before."""
    for text, tree in _trees(task):
        if shapes.has_omit_in_list(tree):
            yield _omit_finding(text)
    for value in (task.args, task.keywords.own.get("vars")):
        for each in _elements(value):
            if isinstance(each, Text) and shapes.is_omitted(each):
                yield _omit_finding(each)


def loop_over_no_list(task: Task, known: Known) -> Iterator[Finding]:
    """``loop`` takes a list; what looks like one is none."""
    if task.loop is None or task.loop.kind != "loop":
        return
    value = task.loop.value
    kinds = frozenset({shapes.kind_of_value(value)})
    if is_template(value):
        node = shapes.lone_expression(value)
        if _name_of(node) in known.json_names:
            return
        kinds = frozenset({shapes.TEXT}) if node is None else shapes.kinds_of(node, known.kinds)
    if kinds and kinds <= _NO_LIST:
        word = _WORDS[min(kinds)][0]
        yield Finding(
            origin_of(value) or task.keywords.place("loop") or task.origin,
            "loop-type",
            f"loop takes a list, and this is {word}",
            "write a list; of a mapping: name | dict2items, of a text: name | split(',')",
        )


def list_as_text(name: object, value: object) -> Iterator[Finding]:
    """``"[{{ a }}, {{ b }}]"``: a list before 2.19, a text since."""
    if isinstance(value, Text) and is_template(value) and _looks_like_structure(value):
        yield Finding(
            origin_of(value),
            "text-structure",
            f"{name} is a text since ansible-core 2.19, and was a list or a mapping before",
            "put all of it into one {{ }}: {{ [a, b] }}, or write it as YAML",
        )


KIND_RULES: tuple[Callable[[Task, Known], Iterator[Finding]], ...] = (
    condition_without_truth,
    quoted_number,
    json_without_type,
    omit_in_list,
    loop_over_no_list,
)


def conditions(task: Task) -> Iterator[tuple[str, Text]]:
    """Every condition of a task as text, and the keyword or argument that it belongs to."""
    own = task.keywords.own
    given = [(name, own.get(name)) for name in _CONDITIONS]
    if task.action == "assert":
        given.append(("that", task.args.get("that")))
    for name, value in given:
        for condition in values_of(value):
            if isinstance(condition, Text):
                yield name, condition


def _trees(task: Task) -> Iterator[tuple[Text, Any]]:
    """Every expression and template of a task, with its tree."""
    for _, condition in conditions(task):
        template = condition if is_template(condition) else shapes.in_braces(condition)
        tree = shapes.parse_template(template)
        if tree is not None:
            yield condition, tree
    values = [task.args, task.keywords.own.get("vars"), task.loop.value if task.loop else None]
    for text in (each for value in values for each in every_text(value)):
        tree = shapes.parse_template(text) if is_template(text) else None
        if tree is not None:
            yield text, tree


def _elements(value: Any) -> Iterator[Any]:
    """What stands in the lists of a value, at any depth."""
    if isinstance(value, Map):
        for each in value.values():
            yield from _elements(each)
    elif isinstance(value, list):
        for each in value:
            yield each
            yield from _elements(each)


def _omit_finding(text: Text) -> Finding:
    return Finding(
        origin_of(text),
        "omit-in-list",
        "omit takes an element out of a list since ansible-core 2.19, and was a text in it before",
        "build the list without it: {{ [a] + ([b] if b is defined else []) }}",
    )


def _is_json(value: object) -> bool:
    if not isinstance(value, Text) or is_template(value) or value.strip()[:1] not in ("[", "{"):
        return False
    try:
        return isinstance(json.loads(value), list | dict)
    except ValueError:
        return False


def _looks_like_structure(text: str) -> bool:
    if shapes.lone_expression(text) is not None:
        return False
    pieces = [each.strip() for each in _STATEMENT.split(_EXPRESSION.sub("x0", text))]
    pieces = [each for each in pieces if each]
    return _is_structure("".join(pieces)) or (bool(pieces) and all(map(_is_structure, pieces)))


def _is_structure(text: str) -> bool:
    if text[:1] not in ("[", "{"):
        return False
    try:
        return isinstance(ast.parse(text, mode="eval").body, ast.List | ast.Dict)
    except (SyntaxError, ValueError):
        return False


def _name_of(node: Any) -> str:
    return str(getattr(node, "name", "")) if _is_name(node) else ""


def _is_name(node: Any) -> bool:
    return type(node).__name__ == "Name"

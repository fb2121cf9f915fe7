"""What a play's files say of its variables, for lint: the kinds of their values.

A variable may come from the inventory or from a role too: only where all that is said of it
agrees is anything known.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from lpse_ops.marked import Map, Text
from lpse_ops.playbook.actions_table import is_template
from lpse_ops.playbook.model import Play, Task
from lpse_ops.templating.shapes import (
    RESULT,
    TEXT,
    UNKNOWN,
    Kinds,
    kind_of_value,
    kinds_of,
    lone_expression,
)

# Templates refer to each other; more steps than these nobody follows.
_STEPS = 4


def definitions(play: Play, tasks: Iterable[Task]) -> Iterator[tuple[str, Any]]:
    """Every name and value that the play, its roles and its tasks give."""
    maps: list[Any] = [play.vars]
    for role in play.roles:
        maps += [role.defaults, role.vars, role.params]
    for task in tasks:
        maps += [each.own.get("vars") for each in task.keywords.levels()]
        if task.role is not None:
            maps += [task.role.defaults, task.role.vars]
        if task.action == "set_fact":
            maps.append(task.args)
    for mapping in {id(each): each for each in maps}.values():
        if isinstance(mapping, Map):
            yield from mapping.items()


def known_kinds(play: Play, tasks: Iterable[Task]) -> dict[str, Kinds]:
    """The kinds of every name that the files say something of, results of tasks among them."""
    tasks = list(tasks)
    values: dict[str, list[Any]] = {}
    for name, value in definitions(play, tasks):
        values.setdefault(str(name), []).append(value)
    known: dict[str, Kinds] = {
        str(task.register): frozenset({RESULT}) for task in tasks if task.register
    }
    for prompt in play.vars_prompt:
        values.setdefault(str(prompt.name), []).append("")
    clashes = set(known) & set(values)
    for _ in range(_STEPS):
        found = {name: _kinds(each, known) for name, each in values.items()}
        if all(known.get(name) == kinds for name, kinds in found.items() if name not in clashes):
            break
        known.update(found)
    return {**known, **dict.fromkeys(clashes, UNKNOWN)}


def _kinds(values: list[Any], known: Mapping[str, Kinds]) -> Kinds:
    kinds = frozenset(kind for each in values for kind in _kinds_of_value(each, known))
    return kinds if len(kinds) == 1 else UNKNOWN


def _kinds_of_value(value: Any, known: Mapping[str, Kinds]) -> Kinds:
    if not is_template(value):
        return frozenset({kind_of_value(value)})
    if not isinstance(value, Text):
        return UNKNOWN
    node = lone_expression(value)
    return frozenset({TEXT}) if node is None else kinds_of(node, known)

"""Whether the keywords of a place may stand there, and what their values may look like.

Only literal values are judged: what is a template shows its value when it is used.
"""

import keyword
from collections.abc import Iterable, Mapping
from typing import Any

from lpse_ops.errors import PlaybookError
from lpse_ops.marked import Map, Sealed, key_origin, origin_of
from lpse_ops.playbook.actions_table import is_template, name_set
from lpse_ops.playbook.keyword_tables import UNSUPPORTED
from lpse_ops.playbook.problems import problem_at, what_there_is

_TRUE = name_set("y yes on 1 true t 1.0")
_FALSE = name_set("n no off 0 false f 0.0")


def as_bool(value: Any) -> bool | None:
    """A literal as Ansible reads it where it wants yes or no; None when it is neither."""
    word = str(value).strip().lower() if isinstance(value, str | int | float) else ""
    return True if word in _TRUE else False if word in _FALSE else None


def check_names(own: Map, allowed: Mapping[str, str], where: str, command: str) -> None:
    """Raise for the first keyword that cannot stand in ``where`` ("a task", "a play")."""
    for name in own:
        if not isinstance(name, str) or name not in allowed:
            raise unknown_keyword(own, str(name), allowed, where, command)
        refusal = UNSUPPORTED.get(name)
        if refusal is not None and own[name]:
            raise problem_at(
                key_origin(own, name),
                f"the keyword {str(name)!r} is not supported",
                hint=f"{refusal}, or run: {command}" if command else refusal,
            )


def unknown_keyword(
    own: Map, name: str, allowed: Iterable[str], where: str, command: str
) -> PlaybookError:
    return problem_at(
        key_origin(own, name) or own.origin,
        # Ansible's own words, as people look them up; it writes Play and Task.
        f"{name!r} is not a valid attribute for {_as_ansible(where)}",
        hint=what_there_is(name, set(allowed), "keywords", command),
    )


def _as_ansible(where: str) -> str:
    article, _, rest = where.partition(" ")
    return f"{article} {rest.capitalize()}" if rest in ("play", "task", "block", "role") else where


def check_values(own: Map, kinds: Mapping[str, str]) -> None:
    """Raise for the first literal value that its keyword cannot have."""
    for name, value in own.items():
        expected = _mismatch(kinds.get(name, "any"), value)
        if expected:
            problem = f"{str(name)!r} has to be {expected}, not {_shown(value)}"
            if kinds.get(name) == "nodes":
                problem = _malformed(str(name), value)
            raise problem_at(
                origin_of(value) or key_origin(own, name),
                problem,
                hint=f"correct the value of {str(name)!r}",
            )


def _malformed(name: str, value: Any) -> str:
    if name == "roles":
        return "A malformed role declaration was encountered."
    return (
        f"A malformed block was encountered while loading {name}: "
        f"{_shown(value)} should be a list or None"
    )


def _shown(value: Any) -> str:
    if isinstance(value, Map | list):
        return "a mapping" if isinstance(value, Map) else "a list"
    return repr(str(value)) if isinstance(value, str) else repr(value)


def _mismatch(kind: str, value: Any) -> str:
    """What a value should have been, or "" when it may be right."""
    if value is None or isinstance(value, Sealed) or is_template(value):
        return ""
    fits, expected = _KINDS[kind]
    return "" if fits(value) else expected


def _is_anything(_: Any) -> bool:
    return True


def _is_number(value: Any) -> bool:
    try:
        float(value)
    except (TypeError, ValueError):
        return False
    return not isinstance(value, bool)


def _is_whole(value: Any) -> bool:
    try:
        return not isinstance(value, bool) and int(value) == float(value)
    except (TypeError, ValueError, OverflowError):
        return False


def _is_scalar(value: Any) -> bool:
    return not isinstance(value, dict | list)


def _is_percent(value: Any) -> bool:
    return _is_number(value.removesuffix("%") if isinstance(value, str) else value)


def _are_tags(value: Any) -> bool:
    if isinstance(value, list):
        return all(isinstance(each, str | int) for each in value)
    return isinstance(value, str | int)


def _is_serial(value: Any) -> bool:
    values = value if isinstance(value, list) else [value]
    return all(is_template(each) or _is_percent(each) for each in values)


def _is_variable(value: Any) -> bool:
    return is_variable_name(value)


def _are_maps(value: Any) -> bool:
    values = value if isinstance(value, list) else [value]
    return all(isinstance(each, dict) or is_template(each) or each is None for each in values)


_KINDS: dict[str, tuple[Any, str]] = {
    "any": (_is_anything, ""),
    "text": (_is_scalar, "a text"),
    "bool": (lambda value: as_bool(value) is not None, "true or false"),
    "int": (_is_whole, "a whole number"),
    "float": (_is_number, "a number"),
    "percent": (_is_percent, "a percentage"),
    "serial": (_is_serial, "a number, a percentage, or a list of them"),
    "list": (lambda value: not isinstance(value, dict), "a list"),
    "hosts": (lambda value: isinstance(value, str | list), "a pattern or a list of patterns"),
    "map": (lambda value: isinstance(value, dict), "a mapping"),
    "maps": (_are_maps, "a mapping or a list of mappings"),
    "nodes": (lambda value: isinstance(value, list), "a list"),
    "condition": (lambda value: not isinstance(value, dict), "a condition or a list of them"),
    "tags": (_are_tags, "a list of tags"),
    "variable": (_is_variable, "the name of a variable (Invalid variable name)"),
}


def values_of(value: Any) -> tuple[Any, ...]:
    """A keyword's value as a list: one value is a list of one, nothing is an empty list."""
    if value is None:
        return ()
    return tuple(value) if isinstance(value, list) else (value,)


def check_variables(variables: Any, where: str) -> Map:
    """The variables of ``vars:``; raise when it is no mapping of names to values."""
    if variables is None:
        return Map()
    if not isinstance(variables, Map):
        raise problem_at(
            origin_of(variables),
            f"the variables of {where} have to be a mapping",
            hint="write `name: value` below vars:, one in a line",
        )
    for name in variables:
        if not is_variable_name(name):
            raise problem_at(
                key_origin(variables, name) or variables.origin,
                f"{name!r} cannot be the name of a variable",
                hint="use letters, digits and _ only, a letter first, and no word of Python",
            )
    return variables


def is_variable_name(name: object) -> bool:
    return isinstance(name, str) and name.isidentifier() and not keyword.iskeyword(name)

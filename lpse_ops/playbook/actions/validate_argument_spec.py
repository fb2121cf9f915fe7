"""``validate_argument_spec``: what a role is given, compared with its ``argument_specs``."""

from collections.abc import Iterator, Mapping
from typing import Any

from lpse_ops.agent.arguments import (
    ArgumentProblem,
    alias_names,
    check,
    missing,
    rename_aliases,
    unknown,
)
from lpse_ops.marked import plain
from lpse_ops.playbook.actions.context import ActionContext, ActionFailed, Result

Spec = Mapping[str, Any]
Table = Mapping[str, Spec]
Path = tuple[str, ...]
ARGUMENTS: dict[str, dict[str, Any]] = {
    "argument_spec": {"type": "dict", "required": True},
    "provided_arguments": {"type": "dict", "default": {}},
    "validate_args_context": {"type": "dict"},
}


def run(args: Mapping[str, Any], action: ActionContext) -> Result:
    """Fail with everything that is wrong with the role's parameters and variables."""
    table = args.get("argument_spec") or {}
    provided = args.get("provided_arguments") or {}
    if not isinstance(table, dict) or not isinstance(provided, dict):
        raise ActionFailed("argument_spec and provided_arguments have to be mappings")
    context = args.get("validate_args_context") or {}
    names = [*table, *alias_names(table)]
    variables = {name: action.variables[name] for name in names if name in action.variables}
    values = plain({**action.templating.evaluate(variables, action.variables), **provided})
    errors = [*_problems(table, values), *_strangers(table, values)]
    if errors:
        raise ActionFailed(
            "\n".join(["Validation of arguments failed:", *errors]),
            argument_errors=errors,
            argument_spec_data=table,
            validate_args_context=context,
        )
    return {
        "changed": False,
        "msg": "The arg spec validation passed",
        "validate_args_context": context,
    }


def _problems(table: Table, given: Mapping[str, Any], path: Path = ()) -> Iterator[str]:
    """What is missing, wrong values, values out of their choices, then the same inside of each."""
    values = rename_aliases(table, given)
    absent = missing(table, values)
    if absent:
        found = f" found in {' -> '.join(path)}" if path else ""
        yield f"missing required arguments: {', '.join(absent)}{found}"
    present = {name: spec for name, spec in table.items() if name in values}
    wrong = {
        name: list(_type_problems(present[name], name, values[name], path)) for name in present
    }
    for problems in wrong.values():
        yield from problems
    fitting = {name: spec for name, spec in present.items() if not wrong[name]}
    for name, spec in fitting.items():
        if spec.get("choices") is not None:
            yield from _problem(
                {**_typed(spec), "choices": spec["choices"]}, name, values[name], ()
            )
    for name, spec in fitting.items():
        for inner in _inner(values[name]) if spec.get("options") else ():
            yield from _problems(spec["options"], inner, (*path, name))


def _type_problems(spec: Spec, name: str, value: Any, path: Path) -> Iterator[str]:
    """Of a list every element that is wrong has its own line."""
    if spec.get("elements") and isinstance(value, list):
        for each in value:
            yield from _problem(_typed(spec), name, [each], path)
    else:
        yield from _problem(_typed(spec), name, value, path)


def _typed(spec: Spec) -> dict[str, Any]:
    return {key: spec[key] for key in ("type", "elements", "required", "default") if key in spec}


def _problem(spec: Spec, name: str, value: Any, path: Path) -> Iterator[str]:
    """What ``check`` says of one value, seen at its place."""
    table, values = {name: dict(spec)}, {name: value}
    for outer in reversed(path):
        table, values = {outer: {"type": "dict", "options": table}}, {outer: values}
    try:
        check(table, {}, values)
    except ArgumentProblem as problem:
        yield str(problem)


def _inner(value: Any) -> Iterator[Mapping[str, Any]]:
    for each in value if isinstance(value, list) else [value]:
        if isinstance(each, Mapping):
            yield each


def _strangers(table: Table, values: Mapping[str, Any]) -> Iterator[str]:
    """What there is no argument for, all in one line."""
    names = unknown(table, values)
    if names:
        deepest = next((name for name in names if "." in name), "")
        for part in deepest.split(".")[:-1]:
            table = table[part]["options"]
        yield f"{', '.join(names)}. Supported parameters include: {', '.join(sorted(table))}."

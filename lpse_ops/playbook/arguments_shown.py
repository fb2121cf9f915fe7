"""The arguments of a task as people may see them: without what the module's table calls secret."""

import contextlib
from collections.abc import Mapping
from typing import Any

from lpse_ops.agent.arguments import ArgumentProblem, alias_names, check
from lpse_ops.marked import plain
from lpse_ops.masking import MASK
from lpse_ops.playbook.actions_table import ModuleSpec

Table = Mapping[str, Mapping[str, Any]]


def shown_arguments(spec: ModuleSpec, args: Mapping[str, Any]) -> dict[str, Any]:
    """What was written, evaluated."""
    return _masked(spec.arguments, plain(dict(args)))


def whole_arguments(spec: ModuleSpec, args: Mapping[str, Any]) -> dict[str, Any]:
    """What a module works with: with its defaults; what it would refuse stays as it is."""
    given = plain(dict(args))
    with contextlib.suppress(ArgumentProblem):
        given = check(spec.arguments, spec.rules, given)
    return _masked(spec.arguments, given)


def _masked(table: Table, args: Mapping[str, Any]) -> dict[str, Any]:
    aliases = alias_names(table)
    return {
        str(name): _masked_value(table.get(aliases.get(name, name), {}), value)
        for name, value in args.items()
    }


def _masked_value(spec: Mapping[str, Any], value: Any) -> Any:
    if value is None:
        return None
    if spec.get("no_log"):
        return MASK
    options = spec.get("options")
    if options is None:
        return value
    if isinstance(value, list):
        return [_masked_value(spec, each) for each in value]
    return _masked(options, value) if isinstance(value, Mapping) else value

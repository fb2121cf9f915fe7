"""Arguments of a module, judged before any host is touched; templates are judged when they run."""

from collections.abc import Mapping
from typing import Any

from lpse_ops.agent.arguments import ArgumentProblem, check
from lpse_ops.marked import Map, Sealed, key_origin, origin_of, plain
from lpse_ops.playbook.actions_table import FREE_TEXT, SOME_TEXT, ModuleSpec, is_template
from lpse_ops.playbook.model import Task
from lpse_ops.playbook.problems import problem_at, what_there_is
from lpse_ops.playbook.scope import LoadContext


def check_task_arguments(task: Task, spec: ModuleSpec | None, context: LoadContext) -> None:
    """Raise for the first argument that the module does not have or cannot use."""
    if spec is None:
        return
    _check_free_text(task, spec)
    if spec.any_name:
        return
    check_argument_names(task.action, spec, task.args, context)
    if "_variable_params" in task.args or not spec.arguments:
        return
    _check_literals(task, spec)


def check_reserved(task: Task) -> None:
    """Raise for an argument with a name of the engine, whatever else may fail."""
    name = next((each for each in task.args if str(each).startswith("_ansible_")), None)
    if name is not None and task.action not in FREE_TEXT:
        raise problem_at(
            key_origin(task.args, name) or task.origin,
            "Invalid parameter specified beginning with keyword '_ansible_' for action "
            f"{task.written_action!r}: {str(name)!r}. "
            "The prefix '_ansible_' is reserved for internal use only.",
            hint="use another name",
        )


def _check_free_text(task: Task, spec: ModuleSpec) -> None:
    text = task.args.get("_raw_params")
    if text is None or spec.free_form or spec.any_name or task.action in SOME_TEXT:
        return
    raise problem_at(
        origin_of(text) or task.origin,
        f"{task.action} takes no free text",
        hint="write its arguments as `name: value`, one in a line below the module's name",
    )


def check_argument_names(action: str, spec: ModuleSpec, args: Map, context: LoadContext) -> None:
    """Raise for the first argument that the action does not have; some take any name."""
    if spec.any_name:
        return
    known = {*spec.arguments, *_aliases(spec.arguments)}
    public = {each for each in spec.arguments if not each.startswith("_")}
    for name in args:
        if name in ("_raw_params", "_variable_params") or name in known or is_template(name):
            continue
        raise problem_at(
            key_origin(args, name) or args.origin,
            f"{action} has no argument {str(name)!r}",
            hint=what_there_is(str(name), public, "arguments", context.command),
        )


def _aliases(arguments: Mapping[str, Mapping[str, Any]]) -> set[str]:
    return {alias for each in arguments.values() for alias in each.get("aliases", ())}


def _check_literals(task: Task, spec: ModuleSpec) -> None:
    """All of it when all is literal; else each literal by itself, and no rule between them."""
    args = dict(task.args)
    text = args.pop("_raw_params", None)
    is_whole = text is None or spec.free_form in spec.arguments
    if text is not None and is_whole:
        args[spec.free_form] = text
    if is_whole and all(is_literal(value) for value in args.values()) and not _has_defaults(task):
        _check(task, spec.arguments, spec.rules, args)
        return
    for name, value in args.items():
        argument = _find(spec.arguments, str(name))
        if argument is not None and is_literal(value):
            alone = {**argument, "required": False}
            _check(task, {str(name): alone}, {}, {name: value})


def _find(arguments: Mapping[str, Mapping[str, Any]], name: str) -> Mapping[str, Any] | None:
    if name in arguments:
        return arguments[name]
    return next((each for each in arguments.values() if name in each.get("aliases", ())), None)


def _has_defaults(task: Task) -> bool:
    """Whether ``module_defaults`` may add what is missing here."""
    return any(task.keywords.chain("module_defaults"))


def _check(
    task: Task,
    arguments: Mapping[str, Mapping[str, Any]],
    rules: Mapping[str, Any],
    args: Mapping[str, Any],
) -> None:
    try:
        check({name: dict(each) for name, each in arguments.items()}, dict(rules), plain(args))
    except ArgumentProblem as problem:
        at = next((each for each in task.args if str(each) in str(problem)), None)
        raise problem_at(
            (key_origin(task.args, at) if at is not None else None) or task.origin,
            f"{task.action}: {problem}",
            hint="correct the arguments of this task",
        ) from problem


def is_literal(value: Any) -> bool:
    """Whether a value is known now: it holds no template and nothing encrypted."""
    if isinstance(value, Sealed) or is_template(value):
        return False
    if isinstance(value, Map | dict):
        return all(is_literal(key) and is_literal(each) for key, each in value.items())
    if isinstance(value, list | tuple):
        return all(is_literal(each) for each in value)
    return True

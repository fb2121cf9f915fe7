"""``debug``: show a message or a variable; nothing is done on the host."""

from collections.abc import Mapping
from typing import Any

from lpse_ops.agent.conversions import convert
from lpse_ops.errors import TemplateError
from lpse_ops.marked import Text
from lpse_ops.playbook.actions.context import ActionContext, ActionFailed, Result
from lpse_ops.templating.markers import OMIT

ARGUMENTS: dict[str, dict[str, Any]] = {
    "msg": {"type": "raw", "default": "Hello world!"},
    "var": {"type": "raw"},
    "verbosity": {"type": "int", "default": 0},
}
RULES = {"mutually_exclusive": [["msg", "var"]]}
_UNDEFINED = ("is undefined", "has no attribute", "has no element")


def run(args: Mapping[str, Any], action: ActionContext) -> Result:
    """The message, or the value under the expression that was written."""
    if "msg" in args and "var" in args:
        raise ActionFailed("parameters are mutually exclusive: msg|var")
    wanted = convert(args.get("verbosity", 0), "int")
    if wanted > action.verbosity:
        return {"skipped": True, "skipped_reason": "Verbosity threshold not met.", "changed": False}
    if args.get("var") is None:
        return {"msg": args.get("msg", "Hello world!"), "changed": False}
    written = args["var"]
    if not isinstance(written, str):
        raise ActionFailed(
            f"'var' of type {type(written).__name__} is not a string and conversion is not allowed"
        )
    if not isinstance(written, Text):
        # What came from a host must never become an expression.
        raise ActionFailed(f"refused an untrusted template or expression: {written!r}")
    problems: list[str] = []
    value = _value(written, action, problems)
    if problems:
        count = f"{len(problems)} template error" + ("s" if len(problems) > 1 else "")
        return _warned(f"Encountered {count}: {'; '.join(problems)}", written, value, action)
    if value is OMIT:
        problem = "The result of the `var` expression could not be omitted; a placeholder is shown"
        return _warned(problem, written, "<<Omit>>", action)
    return {str(written): value, "changed": False}


def _warned(problem: str, written: Text, value: Any, action: ActionContext) -> Result:
    action.warn(problem)
    return {str(written): value, "changed": False, "warnings": [problem]}


def _value(written: Text, action: ActionContext, problems: list[str]) -> Any:
    raw = action.variables.get(written)
    if isinstance(raw, dict | list):
        return _each(raw, action, problems)
    try:
        return action.templating.expression(written, action.variables)
    except TemplateError as error:
        return _undefined(error, problems)


def _each(value: Any, action: ActionContext, problems: list[str]) -> Any:
    """What is undefined in one place of a value does not hide the rest of it."""
    if isinstance(value, dict):
        return {str(key): _each(each, action, problems) for key, each in value.items()}
    if isinstance(value, list):
        return [_each(each, action, problems) for each in value]
    try:
        return action.templating.evaluate(value, action.variables)
    except TemplateError as error:
        return _undefined(error, problems)


def _undefined(error: TemplateError, problems: list[str]) -> str:
    """What is shown in place of a value; raises when something else is wrong with it."""
    message = error.message.removeprefix(f"{error.origin}: ")
    if not any(words in message for words in _UNDEFINED):
        raise error
    problems.append(f"error {len(problems) + 1} - {message}")
    return f"<< {problems[-1]} >>"

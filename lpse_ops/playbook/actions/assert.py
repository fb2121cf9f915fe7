"""``assert``: fail unless all conditions hold."""

from collections.abc import Mapping
from typing import Any

from lpse_ops.agent.conversions import convert
from lpse_ops.marked import Text
from lpse_ops.playbook.actions.context import ActionContext, ActionFailed, Result
from lpse_ops.playbook.actions_table import is_template

ARGUMENTS: dict[str, dict[str, Any]] = {
    "that": {"type": "raw", "required": True},
    "fail_msg": {"type": "raw", "aliases": ["msg"]},
    "success_msg": {"type": "raw"},
    "quiet": {"type": "bool", "default": False},
}
# Conditions are expressions: they are evaluated here, one by one.
RAW = ("that",)


def run(args: Mapping[str, Any], action: ActionContext) -> Result:
    """The first condition that does not hold is in the result."""
    conditions = _conditions(args["that"], action)
    quiet = convert(args.get("quiet", False), "bool")
    failed = args.get("fail_msg", args.get("msg")) or "Assertion failed"
    for condition in conditions:
        if condition is None:
            raise ActionFailed("Empty conditional expressions are not allowed")
        if not action.templating.condition(condition, action.variables):
            shown = str(condition) if isinstance(condition, Text) else condition
            details = {} if quiet else {"assertion": shown, "evaluated_to": False}
            raise ActionFailed(_message(failed), changed=False, **details)
    return {"changed": False, "msg": _message(args.get("success_msg") or "All assertions passed")}


def _conditions(written: Any, action: ActionContext) -> list[Any]:
    """The conditions that are written, or those of the list that a template gives."""
    if isinstance(written, Text) and is_template(written):
        value = action.templating.evaluate(written, action.variables)
        written = value if isinstance(value, list) else written
    return written if isinstance(written, list) else [written]


def _message(value: Any) -> Any:
    return [str(each) for each in value] if isinstance(value, list) else str(value)

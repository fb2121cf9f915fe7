"""``set_stats``: figures of one's own, which the recap may show and a report has."""

from collections.abc import Mapping
from typing import Any

from lpse_ops.agent.conversions import convert
from lpse_ops.playbook.actions.context import ActionContext, ActionFailed, Result

ARGUMENTS: dict[str, dict[str, Any]] = {
    "data": {"type": "raw"},
    "per_host": {"type": "raw", "default": False},
    "aggregate": {"type": "raw", "default": True},
}


def run(args: Mapping[str, Any], action: ActionContext) -> Result:  # noqa: ARG001
    """The display adds the figures of all hosts up."""
    data = args.get("data", {})
    if not isinstance(data, Mapping):
        raise ActionFailed("The 'data' option needs to be a dictionary/hash")
    for name in data:
        if not (isinstance(name, str) and name.isascii() and name.isidentifier()):
            raise ActionFailed(f"Invalid variable name {str(name)!r}.")
    per_host, aggregate = (
        _as_bool(args.get(name), ARGUMENTS[name]["default"]) for name in ("per_host", "aggregate")
    )
    stats = {"data": dict(data), "per_host": per_host, "aggregate": aggregate}
    return {"changed": False, "ansible_stats": stats}


def _as_bool(value: Any, default: bool) -> bool:
    if value is None:
        return default
    try:
        return bool(convert(value, "bool"))
    except ValueError:
        return False

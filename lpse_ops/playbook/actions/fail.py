"""``fail``: end with a message of one's own."""

from collections.abc import Mapping
from typing import Any

from lpse_ops.playbook.actions.context import ActionContext, ActionFailed, Result

ARGUMENTS: dict[str, dict[str, Any]] = {
    "msg": {"type": "raw", "default": "Failed as requested from task"}
}


def run(args: Mapping[str, Any], action: ActionContext) -> Result:  # noqa: ARG001
    """Always fails."""
    raise ActionFailed(args.get("msg", ARGUMENTS["msg"]["default"]))

"""``gather_facts``: what a play does first, as a task."""

from collections.abc import Mapping
from typing import Any

from lpse_ops.playbook.actions.context import ActionContext, Result

ARGUMENTS: dict[str, dict[str, Any]] = {"parallel": {"type": "bool"}}
ANY_NAME = True


def run(args: Mapping[str, Any], action: ActionContext) -> Result:
    """The arguments are those of ``setup``; there is one module to run, so nothing is parallel."""
    return action.run_module("setup", {k: v for k, v in args.items() if k != "parallel"})

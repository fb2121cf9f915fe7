"""``wait_for_connection``: try until a host can be reached and used."""

import time
from collections.abc import Mapping
from typing import Any

from lpse_ops.agent.conversions import convert
from lpse_ops.errors import HostUnreachable
from lpse_ops.playbook.actions.context import ActionContext, ActionFailed, Result

ARGUMENTS: dict[str, dict[str, Any]] = {
    "connect_timeout": {"type": "int", "default": 5},
    "delay": {"type": "int", "default": 0},
    "sleep": {"type": "int", "default": 1},
    "timeout": {"type": "int", "default": 600},
}


def run(args: Mapping[str, Any], action: ActionContext) -> Result:
    """``elapsed`` is in seconds."""
    given = {
        name: convert(args.get(name, spec["default"]), "int") for name, spec in ARGUMENTS.items()
    }
    if action.check_mode:
        return {"skipped": True, "changed": False, "elapsed": 0}
    began = time.monotonic()
    action.sleep(given["delay"])
    wait_until_reached(action, began + given["timeout"], given["sleep"])
    return {"changed": False, "elapsed": int(time.monotonic() - began)}


def wait_until_reached(action: ActionContext, deadline: float, pause_seconds: float) -> None:
    """Connect anew until ``ping`` answers, or ``ActionFailed`` when ``deadline`` has passed."""
    while True:
        action.disconnect()
        try:
            answer = action.run_module("ping", {})
            if not answer.get("failed"):
                return
            reason = str(answer.get("msg"))
        except HostUnreachable as error:
            reason = error.message
        if time.monotonic() >= deadline:
            raise ActionFailed(f"timed out waiting for ping module test: {reason}")
        action.sleep(pause_seconds)

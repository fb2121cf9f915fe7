"""``reboot``: restart a host and wait until it works again; the steps there are the module's."""

import time
from collections.abc import Mapping
from typing import Any

from lpse_ops.agent.arguments import ArgumentProblem, check
from lpse_ops.agent.modules import reboot as reboot_module
from lpse_ops.errors import HostUnreachable
from lpse_ops.marked import plain
from lpse_ops.playbook.actions.context import ActionContext, ActionFailed, Result

ARGUMENTS = {
    name: spec for name, spec in reboot_module.ARGUMENTS.items() if not name.startswith("_")
}
_FIRST_PAUSE_SECONDS = 0.5
_LONGEST_PAUSE_SECONDS = 5.0


def run(args: Mapping[str, Any], action: ActionContext) -> Result:
    """``elapsed`` is in seconds; the host is back when its boot time is another one."""
    try:
        given = check(ARGUMENTS, {}, plain(args))
    except ArgumentProblem as problem:
        raise ActionFailed(str(problem)) from problem
    if action.check_mode:
        return {"changed": True, "elapsed": 0, "rebooted": True}
    own = {name: value for name, value in given.items() if value is not None}
    began = time.monotonic()
    before = action.run_module("reboot", {**own, "_step": "status"})
    if before.get("failed"):
        raise ActionFailed(str(before.get("msg")), **{**before, "rebooted": False})
    try:
        ordered = action.run_module("reboot", own)
    except HostUnreachable:
        ordered = {}  # it was quick
    if ordered.get("failed"):
        raise ActionFailed(str(ordered.get("msg")), **{**ordered, "rebooted": False})
    status = {**own, "_step": "status", "_boot_time": str(before["boot_time"])}
    _wait(action, status, time.monotonic() + given["reboot_timeout"])
    action.sleep(max(0.0, given["post_reboot_delay"]))
    return {"changed": True, "rebooted": True, "elapsed": int(time.monotonic() - began)}


def _wait(action: ActionContext, status: Mapping[str, Any], deadline: float) -> None:
    """Connect anew until the host has booted and its test command works."""
    pause = _FIRST_PAUSE_SECONDS
    while True:
        action.disconnect()
        action.sleep(pause)
        pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)
        try:
            answer = action.run_module("reboot", status)
            if answer.get("is_up"):
                return
            reason = str(answer.get("msg") or "it has not gone down, or its test command fails")
        except HostUnreachable as error:
            reason = error.message
        if time.monotonic() > deadline:
            raise ActionFailed(
                f"Timed out waiting for the host to come back: {reason}", rebooted=True
            )

"""``reboot``: restart a host and wait until it works again."""

import time
from collections.abc import Mapping
from typing import Any

from lpse_ops.agent.conversions import convert
from lpse_ops.errors import HostUnreachable
from lpse_ops.playbook.actions.context import ActionContext, ActionFailed, Result

ARGUMENTS: dict[str, dict[str, Any]] = {
    "boot_time_command": {"type": "str", "default": "cat /proc/sys/kernel/random/boot_id"},
    "connect_timeout": {"type": "int", "default": 5},
    "msg": {"type": "str", "default": "Reboot initiated by Ansible"},
    "post_reboot_delay": {"type": "int", "default": 0},
    "pre_reboot_delay": {"type": "int", "default": 0},
    "reboot_command": {"type": "str"},
    "reboot_timeout": {"type": "int", "default": 600},
    "search_paths": {
        "type": "list",
        "elements": "str",
        "default": ["/sbin", "/bin", "/usr/sbin", "/usr/bin", "/usr/local/sbin"],
    },
    "test_command": {"type": "str", "default": "whoami"},
}
_FIRST_PAUSE_SECONDS = 0.5
_LONGEST_PAUSE_SECONDS = 5.0


def run(args: Mapping[str, Any], action: ActionContext) -> Result:
    """``elapsed`` is in seconds; the host is back when its boot id is another one."""
    if action.check_mode:
        return {"changed": True, "elapsed": 0, "rebooted": True}
    given = {name: _given(args, name) for name in ARGUMENTS}
    before = _boot_id(action, given["boot_time_command"])
    began = time.monotonic()
    _order(action, given)
    action.disconnect()
    _wait(action, given, before, began + given["reboot_timeout"])
    time.sleep(given["post_reboot_delay"])
    tested = action.run_module("command", {"_raw_params": given["test_command"]})
    if tested.get("failed"):
        raise ActionFailed(
            f"the host is back, but its test fails: {tested.get('msg')}", rebooted=True
        )
    return {"changed": True, "rebooted": True, "elapsed": int(time.monotonic() - began)}


def _given(args: Mapping[str, Any], name: str) -> Any:
    value = args.get(name, ARGUMENTS[name].get("default"))
    return None if value is None else convert(value, ARGUMENTS[name]["type"])


def _boot_id(action: ActionContext, command: str) -> str:
    answer = action.run_module("command", {"_raw_params": command})
    if answer.get("failed"):
        raise ActionFailed(
            f"cannot tell one boot from another: {answer.get('msg')}", rebooted=False
        )
    return str(answer.get("stdout", "")).strip()


def _order(action: ActionContext, given: Mapping[str, Any]) -> None:
    delay = max(0, given["pre_reboot_delay"])
    default = f"shutdown -r +{(delay + 59) // 60} {given['msg']!r}" if delay else "systemctl reboot"
    command = given["reboot_command"] or default
    try:
        answer = action.run_module("command", {"_raw_params": command})
    except HostUnreachable:
        return  # it was quick
    if answer.get("failed"):
        raise ActionFailed(f"Reboot command failed: {answer.get('msg')}", rebooted=False)


def _wait(action: ActionContext, given: Mapping[str, Any], before: str, deadline: float) -> None:
    pause = _FIRST_PAUSE_SECONDS
    while True:
        time.sleep(pause)
        pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)
        try:
            if _boot_id(action, given["boot_time_command"]) != before:
                return
            reason = "it has not gone down"
        except (HostUnreachable, ActionFailed) as error:
            reason = str(error)
        if time.monotonic() > deadline:
            raise ActionFailed(
                f"Timed out waiting for the host to come back: {reason}", rebooted=True
            )
        action.disconnect()

"""``pause``: wait a while, or for a person at the terminal."""

import getpass
import sys
import time
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from lpse_ops.agent.conversions import convert
from lpse_ops.playbook.actions.context import ActionContext, Result

ARGUMENTS: dict[str, dict[str, Any]] = {
    "minutes": {"type": "float"},
    "seconds": {"type": "float"},
    "prompt": {"type": "str"},
    "echo": {"type": "bool", "default": True},
}
RULES = {"mutually_exclusive": [["minutes", "seconds"]]}
# A person is asked once, whatever the number of hosts.
ONCE = True


def run(args: Mapping[str, Any], action: ActionContext) -> Result:
    """Without a time, wait for Enter; where nobody is at the terminal go on at once."""
    seconds = _seconds(args)
    start = datetime.now().astimezone()
    said = ""
    if seconds is not None:
        time.sleep(max(0, seconds))
    elif sys.stdin.isatty():
        said = _ask(str(args.get("prompt") or "Press enter to continue, Ctrl+C to interrupt"), args)
    else:
        action.warn("Not waiting for response to prompt as stdin is not interactive")
    passed = (datetime.now().astimezone() - start).total_seconds()
    minutes = args.get("minutes") is not None
    length = round(passed / 60, 2) if minutes else round(passed, 2)
    return {
        "changed": False,
        "start": str(start),
        "stop": str(datetime.now().astimezone()),
        "delta": int(passed),
        "echo": bool(convert(args.get("echo", True), "bool")),
        "stdout": f"Paused for {length} {'minutes' if minutes else 'seconds'}",
        "stderr": "",
        "rc": 0,
        "user_input": said,
    }


def _seconds(args: Mapping[str, Any]) -> float | None:
    if args.get("minutes") is not None:
        return float(convert(args["minutes"], "float")) * 60
    return float(convert(args["seconds"], "float")) if args.get("seconds") is not None else None


def _ask(prompt: str, args: Mapping[str, Any]) -> str:
    if convert(args.get("echo", True), "bool"):
        sys.stderr.write(f"{prompt}:\n")
        return sys.stdin.readline().rstrip("\n")
    return getpass.getpass(f"{prompt} (output is hidden):\n")

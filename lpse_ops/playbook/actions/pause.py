"""``pause``: wait a while, or for a person at the terminal."""

import contextlib
import select
import sys
import termios
from collections.abc import Iterator, Mapping
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
_SHORTEST_SECONDS = 1.0
# So often it is looked whether the task's time is over.
_GLANCE_SECONDS = 0.2


def run(args: Mapping[str, Any], action: ActionContext) -> Result:
    """Without a time, wait for Enter; where nobody is at the terminal go on at once."""
    seconds = _seconds(args)
    start = datetime.now().astimezone()
    said = ""
    if seconds is not None:
        action.sleep(max(_SHORTEST_SECONDS, seconds))
    elif sys.stdin.isatty():
        said = _ask(args, action)
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


def _ask(args: Mapping[str, Any], action: ActionContext) -> str:
    """The line that a person types, in the time that the task may take."""
    prompt = str(args.get("prompt") or "Press enter to continue, Ctrl+C to interrupt")
    terminal = sys.stdin.fileno()
    with contextlib.ExitStack() as around:
        if not convert(args.get("echo", True), "bool"):
            around.enter_context(_without_echo(terminal))
            prompt += " (output is hidden)"
        # A host may have said some of it: nothing that a terminal would obey.
        shown = "".join(char if char.isprintable() or char in "\n\t" else "?" for char in prompt)
        sys.stderr.write(f"{shown}:\n")
        while not select.select([terminal], [], [], _GLANCE_SECONDS)[0]:
            action.sleep(0)
        return sys.stdin.readline().rstrip("\n")


@contextlib.contextmanager
def _without_echo(terminal: int) -> Iterator[None]:
    before = termios.tcgetattr(terminal)
    silent = termios.tcgetattr(terminal)
    silent[3] &= ~termios.ECHO
    termios.tcsetattr(terminal, termios.TCSAFLUSH, silent)
    try:
        yield
    finally:
        termios.tcsetattr(terminal, termios.TCSADRAIN, before)

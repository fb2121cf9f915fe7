"""The ``ping`` module: says that the agent answers."""

from typing import Any, Dict

from lpse_ops.agent.context import Context

ARGUMENTS: Dict[str, Dict[str, Any]] = {"data": {"type": "str", "default": "pong"}}
CHECK_MODE = "full"
TIDY = True


def run(args: Dict[str, Any], context: Context) -> Dict[str, Any]:
    """Return ``data``; the word ``crash`` raises, as in Ansible."""
    if args["data"] == "crash":
        raise Exception("boom")
    return {"ping": args["data"]}

"""The ``shell`` module: a text for a shell; everything else is as with ``command``."""

from typing import Any, Dict

from lpse_ops.agent.context import Context, Failed
from lpse_ops.agent.modules import command

ARGUMENTS: Dict[str, Dict[str, Any]] = {
    **{name: spec for name, spec in command.ARGUMENTS.items() if name != "_uses_shell"},
    # A shell expands by itself: whoever says something about it is told so.
    "expand_argument_vars": {"type": "bool"},
}
RULES = command.RULES
FREE_FORM = command.FREE_FORM
CHECK_MODE = command.CHECK_MODE


def run(args: Dict[str, Any], context: Context) -> Dict[str, Any]:
    """Run the text by /bin/sh, or by ``executable``."""
    if args["expand_argument_vars"] is not None:
        raise Failed("Unsupported parameters for (shell) module: expand_argument_vars")
    return command.perform(command.plan_command(args, shell=True), args, context)

"""Arguments of actions with a part on the controller, judged when they are evaluated.

What a playbook says outright was judged before (``argument_check``), unless the playbook deals with
failures itself; modules judge their own on the host.
"""

from collections.abc import Mapping
from typing import Any

from lpse_ops.agent.arguments import ArgumentProblem, check, unknown
from lpse_ops.marked import plain
from lpse_ops.playbook.actions.context import ActionFailed
from lpse_ops.playbook.actions_table import ModuleSpec

# Looked at as a whole before they begin; the others look themselves at what they know.
_CHECKED_FIRST = frozenset({"assert", "debug", "pause", "wait_for_connection"})
# For what these do not take Ansible has words of its own.
_HAVE_OPTIONS = frozenset({"fail", "group_by", "reboot", "wait_for_connection"})


def refuse_arguments(name: str, spec: ModuleSpec, args: Mapping[str, Any]) -> None:
    """Raise ``ActionFailed`` for what an action does not have or cannot use."""
    if spec.any_name:
        return
    table = {key: dict(each) for key, each in spec.arguments.items() if _is_public(key, spec)}
    # Free text was judged already.
    strange = unknown(table, {key: args[key] for key in args if key != "_raw_params"})
    if strange and name in _HAVE_OPTIONS:
        raise ActionFailed(f"Invalid options for {name}: {','.join(strange)}")
    try:
        if name in _CHECKED_FIRST:
            check(table, dict(spec.rules), plain(args))
        elif strange:
            names = {key: {"aliases": each.get("aliases")} for key, each in table.items()}
            check(names, {}, dict.fromkeys(strange))
    except ArgumentProblem as problem:
        unsupported = f"Unsupported parameters for ({name}) module:"
        message = problem.msg.replace("Unsupported parameters:", unsupported, 1)
        raise ActionFailed(message) from problem


def _is_public(key: str, spec: ModuleSpec) -> bool:
    """Whether a playbook may give an argument; others go from our controller to our agent."""
    return key == spec.free_form or not key.startswith("_")

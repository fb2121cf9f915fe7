"""Which tasks may be sent before the answers of those in front of them, and let others do so.

Decided by what a task says, before anything of it is evaluated.
"""

from typing import Any

from lpse_ops.playbook.actions_table import STRUCTURE, is_template
from lpse_ops.playbook.model import Task

# With one of these a task has to be looked at while it runs, or goes its own way.
_ALONE = (
    "until",
    "retries",
    "async",
    "delegate_to",
    "run_once",
    "throttle",
    "timeout",
    "debugger",
    "ignore_unreachable",
)
# What a loop of these gives is in the playbook and in variables.
_LOOPS = frozenset({"loop", "items", "list", "dict", "flattened", "indexed_items", "nested"})


def may_be_sent(task: Task) -> bool:
    """Whether a task can be sent at all, so that others may follow before it is answered."""
    if task.action in STRUCTURE or not task.action:
        return False
    if any(_says(task.keywords.get(name)) for name in _ALONE):
        return False
    return task.loop is None or task.loop.kind in _LOOPS


def lets_others_pass(task: Task) -> bool:
    """Whether the host alone knows if the task has failed: then it can hold back what follows."""
    own = task.keywords.own
    if own.get("failed_when") not in (None, []) or is_template(task.register):
        return False
    if is_template((own.get("loop_control") or {}).get("label")):
        # A label that cannot be evaluated fails the task when it has been run.
        return False
    changed = own.get("changed_when")
    return changed is None or isinstance(changed, bool)


def _says(value: Any) -> bool:
    return value is not None and value is not False and value != []

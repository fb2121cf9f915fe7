"""What an ``include_*`` that runs brings to its play."""

from collections.abc import Sequence

from lpse_ops.playbook.handlers import add_handlers
from lpse_ops.playbook.imports import load_included_role, load_tasks
from lpse_ops.playbook.includes import find_tasks_file
from lpse_ops.playbook.model import Node, Play, Task
from lpse_ops.playbook.results import Include
from lpse_ops.playbook.scope import LoadContext


def load_include(
    play: Play, context: LoadContext, task: Task, include: Include, number: int
) -> tuple[str, Sequence[Node]]:
    """The name to show, and the tasks; what a role brings for all joins the play."""
    if task.action == "include_role":
        shown = include.name
        loaded = load_included_role(
            task, include.args, play, context, variables=include.variables, number=number
        )
    else:
        path = find_tasks_file(task, include.name, play.folder).absolute()
        shown = str(path)
        loaded = load_tasks(path, task, play, context, variables=include.variables, number=number)
    add_handlers(play, loaded.handlers)
    play.roles.extend(each for each in loaded.roles if each.public)
    return shown, loaded.nodes

"""One ``Templating`` a task: what lookups find depends on where the task is written."""

from functools import partial
from pathlib import Path

from lpse_ops.playbook.model import Task
from lpse_ops.playbook.searchpath import find_file
from lpse_ops.templating.engine import Templating


class Templatings:
    """Those of one play; all share what is compiled.  Any thread may ask."""

    def __init__(self, templating: Templating, play_folder: Path) -> None:
        self._templating = templating
        self._play_folder = play_folder
        self._of_task: dict[int, tuple[Task | None, Templating]] = {}

    def of(self, task: Task | None) -> Templating:
        """Looks for files as the task's role and file say; without a task, beside the play."""
        found = self._of_task.get(id(task))
        if found is None:
            files = partial(find_file, task, self._play_folder)
            # With the task, so that its id stays its own.
            found = self._of_task[id(task)] = task, self._templating.with_files(files)
        return found[1]

"""What lookups find depends on where a task is written: one ``Templating`` for each place."""

from functools import partial
from pathlib import Path

from lpse_ops.playbook.model import Task
from lpse_ops.playbook.searchpath import Place, find_file, place_of
from lpse_ops.templating.engine import Templating


class Templatings:
    """Those of one play; all share what is compiled.  Any thread may ask."""

    def __init__(self, templating: Templating, play_folder: Path) -> None:
        self._templating = templating
        self._play_folder = play_folder
        self._of_place: dict[Place, Templating] = {}

    def of(self, task: Task | None) -> Templating:
        """Looks for files as the task's role and file say; without a task, beside the play."""
        place = place_of(task)
        found = self._of_place.get(place)
        if found is None:
            files = partial(find_file, task, self._play_folder)
            found = self._of_place[place] = self._templating.with_files(files)
        return found

"""Every task that a play may come to: those that are written, and those that includes bring.

An include by a template is followed to every file that it may mean.
"""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from lpse_ops.errors import OpsError
from lpse_ops.marked import Origin, origin_of
from lpse_ops.playbook.actions_table import INCLUDES, is_template
from lpse_ops.playbook.imports import Loaded, load_included_role, load_tasks
from lpse_ops.playbook.includes import FROM_FILES, find_tasks_file
from lpse_ops.playbook.model import Play, Role, Task, every_task
from lpse_ops.playbook.problems import PlacedError
from lpse_ops.playbook.scope import LoadContext

_DEEPEST = 20
_UNKNOWN = "only a run can tell what this includes"
_PLAYS = {"hosts", "import_playbook"}
_TEMPLATE = re.compile(r"\{\{.*?\}\}|\{%.*?%\}", re.DOTALL)


class Lost(NamedTuple):
    """An include, and why nobody knows what it brings."""

    origin: Origin | None
    problem: str


class PlayWalk:
    """One play; while its tasks are gone through, ``roles`` grows.

    ``lost`` are the includes that could not be followed.
    """

    def __init__(self, play: Play, context: LoadContext) -> None:
        self.play = play
        self.roles: list[Role] = list(play.roles)
        self.lost: list[Lost] = []
        self._context = context
        # An include that includes its own file ends: a file is read once for each role.
        self._files: set[tuple[Path, int]] = set()

    def every_task(self) -> Iterator[Task]:
        for section in (*self.play.sections(), self.play.handlers):
            yield from self._follow(list(every_task(section)), 0)

    def _follow(self, tasks: Sequence[Task], depth: int) -> Iterator[Task]:
        for task in tasks:
            yield task
            if task.action not in INCLUDES:
                continue
            for loaded in self._included(task, depth):
                self.roles += loaded.roles
                nodes = [*loaded.nodes, *loaded.handlers]
                yield from self._follow(list(every_task(nodes)), depth + 1)

    def _included(self, task: Task, depth: int) -> list[Loaded]:
        if depth >= _DEEPEST:
            self.lost.append(Lost(task.origin, "includes go on without end"))
            return []
        try:
            if task.action == "include_role":
                return self._role(task)
            return [
                load_tasks(path, task, self.play, self._context) for path in self._tasks_files(task)
            ]
        except PlacedError as error:
            self.lost.append(Lost(error.origin, error.problem))
            return []
        except OpsError as error:
            self.lost.append(Lost(task.origin, error.message.partition("\n")[0]))
            return []

    def _role(self, task: Task) -> list[Loaded]:
        asked = {name: task.args.get(name) for name in ("name", *FROM_FILES)}
        if any(map(is_template, asked.values())):
            self.lost.append(Lost(task.origin, _UNKNOWN))
            return []
        around = [each.folder for each in task.role.parents] if task.role else []
        if task.role and sum(each == task.role.folder for each in around):
            return []
        return [
            load_included_role(task, {**task.args, **_only_set(asked)}, self.play, self._context)
        ]

    def _tasks_files(self, task: Task) -> list[Path]:
        name = str(task.args["file"])
        if not is_template(name):
            found = [find_tasks_file(task, name, self.play.folder)]
        else:
            meant = files_meant(name, _folders(task, self.play))
            found = [each for each in meant if not self._is_playbook(each)]
            self.lost += [] if found else [Lost(task.origin, _UNKNOWN)]
        role = id(task.role.folder) if task.role else 0
        new = [each for each in found if (each.resolve(), role) not in self._files]
        self._files |= {(each.resolve(), role) for each in new}
        return new

    def _is_playbook(self, path: Path) -> bool:
        """Of files that a template may mean, playbooks beside are none."""
        try:
            content = self._context.load_yaml(path)
        except OpsError:
            return False
        entries = content if isinstance(content, list) else []
        return any(isinstance(each, dict) and _PLAYS & each.keys() for each in entries)


def _only_set(values: dict[str, object]) -> dict[str, object]:
    return {name: value for name, value in values.items() if value is not None}


def _folders(task: Task, play: Play) -> list[Path]:
    here = origin_of(task.args.get("file")) or task.origin
    folders = [Path(here.file).parent] if here else []
    if task.role is not None:
        folders += [task.role.folder / "tasks", task.role.folder]
    return [*folders, play.folder / "tasks", play.folder]


def files_meant(name: str, folders: Sequence[Path]) -> Iterator[Path]:
    """The files that a name with templates in it may mean, from the first folder that has any."""
    pattern = re.sub(r"\*+", "*", _TEMPLATE.sub("*", name)).lstrip("/")
    for folder in folders if pattern.strip("*./") or "*" in pattern else ():
        try:
            found = sorted(each for each in folder.glob(pattern) if each.is_file())
        except (OSError, ValueError, NotImplementedError, IndexError):
            found = []
        if found:
            yield from found
            return

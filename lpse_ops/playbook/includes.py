"""``include_*`` and ``import_*``: what they may say, and where their files are found."""

import os
from pathlib import Path
from typing import Any

from lpse_ops.errors import PlaybookError
from lpse_ops.marked import Map, key_origin, origin_of
from lpse_ops.playbook.actions_table import IMPORTS, is_template
from lpse_ops.playbook.keywords import as_bool
from lpse_ops.playbook.model import Keywords, Task
from lpse_ops.playbook.problems import problem_at, what_there_is
from lpse_ops.playbook.scope import Scope
from lpse_ops.playbook.searchpath import expand

FROM_FILES = ("tasks_from", "vars_from", "defaults_from", "handlers_from")
_TASK_OPTIONS = frozenset({"file", "apply"})
_ROLE_OPTIONS = frozenset(
    {"name", *FROM_FILES, "apply", "public", "allow_duplicates", "rolespec_validate"}
)
_FLAGS = ("public", "allow_duplicates", "rolespec_validate")


def check_include(task: Task, scope: Scope) -> None:
    """Raise when an include or import has options it does not know, or lacks its name."""
    is_role = task.action.endswith("_role")
    if is_role and scope.is_handler:
        raise problem_at(
            task.origin,
            f"Using {str(task.action)!r} as a handler is not supported.",
            hint="notify a handler of the role, or include_tasks",
        )
    if task.action in IMPORTS and task.loop is not None:
        raise problem_at(
            task.origin,
            f"{task.action} is read before the play runs and cannot have a loop",
            hint=f"use {task.action.replace('import', 'include')}",
        )
    _check_options(task, _ROLE_OPTIONS if is_role else _TASK_OPTIONS)
    _check_values(task, "name" if is_role else "file")


def _check_options(task: Task, known: frozenset[str]) -> None:
    known = known - {"apply"} if task.action in IMPORTS else known
    for name in task.args:
        if name not in known:
            raise problem_at(
                key_origin(task.args, name) or task.origin,
                f"{task.action} has no option {str(name)!r}",
                hint=what_there_is(str(name), known, "options", ""),
            )


def _check_values(task: Task, first: str) -> None:
    if not isinstance(task.args.get(first), str) or not task.args[first]:
        raise problem_at(
            task.origin, f"{task.action} needs a {first}", hint=f"write `{first}: ...` below it"
        )
    for name in FROM_FILES:
        if name in task.args and not isinstance(task.args[name], str):
            raise _wrong(task, name, "the name of a file")
    for name in _FLAGS:
        value = task.args.get(name)
        if value is not None and not is_template(value) and as_bool(value) is None:
            raise _wrong(task, name, "true or false")
    if not isinstance(task.args.get("apply", Map()), Map):
        raise _wrong(task, "apply", "a mapping")


def _wrong(task: Task, name: str, expected: str) -> PlaybookError:
    return problem_at(
        key_origin(task.args, name) or task.origin,
        f"{name} of {task.action} has to be {expected}",
        hint=f"correct the value of {name}",
    )


def find_tasks_file(task: Task, name: str, play_folder: Path) -> Path:
    """The file that ``include_tasks`` or ``import_tasks`` means by ``name``.

    Relative to the file that says so, to the role's ``tasks`` (or ``handlers``), to the playbook.
    """
    asked = expand(name, origin_of(task.args.get("file")) or task.origin)
    beside = Path(task.origin.file).parent if task.origin else play_folder
    folders = [beside]
    if task.role is not None:
        subfolder = task.role.folder / ("handlers" if task.is_handler else "tasks")
        folders = [beside, subfolder] if task.action in IMPORTS else [subfolder, beside]
        folders += [task.role.folder / "tasks", task.role.folder]
    folders += [play_folder / "tasks", play_folder] if task.role else [play_folder]
    candidates = [folder / asked for folder in folders]
    found = next((each for each in candidates if os.path.isfile(each)), None)
    if found is None:
        looked = ", ".join(dict.fromkeys(str(each.parent) for each in candidates))
        raise problem_at(
            origin_of(task.args.get("file")) or task.origin,
            f"there is no file {name!r} to {task.action.partition('_')[0]}",
            hint=f"looked in {looked}",
        )
    return found


def included_keywords(task: Task, variables: Any) -> Keywords:
    """What a dynamic include gives to its tasks: its ``vars``, and the keywords of ``apply``."""
    own = task.keywords.own
    given = Map({**(own.get("vars") or {}), **(variables or {})}, origin=task.origin)
    around = Keywords(Map({"vars": given}, origin=task.origin), task.keywords.parent, "include")
    applied = task.args.get("apply")
    return Keywords(applied, around, "block") if applied else around

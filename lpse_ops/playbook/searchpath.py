"""Where files that a task names are looked for: the role first, then beside task and play."""

import os
from collections.abc import Iterator
from pathlib import Path

from lpse_ops.errors import PlaybookError
from lpse_ops.marked import Origin
from lpse_ops.playbook.model import Role, Task
from lpse_ops.playbook.problems import problem_at


def expand(name: str, origin: Origin | None = None) -> Path:
    """The path with a home for its ``~``, or ``PlaybookError`` if no file can have that name."""
    try:
        if "\0" in name:
            raise ValueError("there is a NUL in it")
        os.fsencode(name)
        return Path(name).expanduser()
    except (RuntimeError, ValueError) as error:
        why = error.reason if isinstance(error, UnicodeEncodeError) else error
        raise problem_at(
            origin,
            f"{name!r} is no name of a file: {why}",
            hint="correct the name; the user behind `~` has to be one of this machine",
        ) from error


# A role and a file: tasks with the same ones look for files in the same folders.
Place = tuple[Role | None, str | None]


def place_of(task: Task | None) -> Place:
    """Where a task is written, as far as ``search_folders`` depends on it."""
    if task is None:
        return None, None
    return task.role, task.origin.file if task.origin is not None else None


def folder_of(action: str) -> str:
    """The folder in which ``with_first_found`` looks for what an action takes."""
    return next((f"{word}s" for word in ("template", "var") if word in action), "files")


def search_folders(task: Task | None, play_folder: Path) -> Iterator[Path]:
    """The folders in which ``files``, ``templates`` and ``vars`` lie, nearest first."""
    if task is not None and task.role is not None:
        for role in (task.role, *reversed(task.role.parents)):
            yield role.folder
    if task is not None and task.origin is not None:
        yield Path(task.origin.file).parent
    yield play_folder


def find_file(task: Task | None, play_folder: Path, folder: str, name: str) -> Path:
    """The absolute path of a file or folder that is there, or ``PlaybookError``."""
    asked = expand(name)
    if asked.is_absolute():
        candidates = [asked]
    else:
        places = list(dict.fromkeys(search_folders(task, play_folder)))
        candidates = [place / sub / asked for place in places for sub in (folder, "")]
    found = next((each for each in candidates if os.path.exists(each)), None)
    if found is None:
        looked = "\n\t".join(str(each.absolute()) for each in dict.fromkeys(candidates))
        raise PlaybookError(
            f"Could not find or access '{name}'\nSearched in:\n\t{looked} on the controller",
            hint="correct the name; if the file is on the host, say remote_src: true",
        )
    return found.absolute()

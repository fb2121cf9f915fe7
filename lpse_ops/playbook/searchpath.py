"""Where files that a task names are looked for: the role first, then beside task and play."""

from collections.abc import Iterator
from pathlib import Path

from lpse_ops.errors import PlaybookError
from lpse_ops.playbook.model import Task


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
    asked = Path(name).expanduser()
    if asked.is_absolute():
        candidates = [asked]
    else:
        places = list(dict.fromkeys(search_folders(task, play_folder)))
        candidates = [place / sub / asked for place in places for sub in (folder, "")]
    found = next((each for each in candidates if each.exists()), None)
    if found is None:
        looked = "\n\t".join(str(each.absolute()) for each in dict.fromkeys(candidates))
        raise PlaybookError(
            f"Could not find or access '{name}'\nSearched in:\n\t{looked} on the controller",
            hint="correct the name; if the file is on the host, say remote_src: true",
        )
    return found.absolute()

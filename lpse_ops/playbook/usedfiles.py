"""The template file that a task renders, where its name is written out."""

from pathlib import Path
from typing import Any, NamedTuple

from lpse_ops.errors import OpsError
from lpse_ops.marked import Origin
from lpse_ops.playbook.actions_table import is_template
from lpse_ops.playbook.model import Play, Task
from lpse_ops.playbook.searchpath import find_file
from lpse_ops.templating.environment import Syntax
from lpse_ops.templating.header import HeaderProblem, split_header

_MAX_BYTES = 4 * 1024 * 1024


class TemplateFile(NamedTuple):
    """``origin`` is where ``source`` begins: below a header line, if there is one."""

    source: str
    syntax: Syntax
    origin: Origin


def template_of(task: Task, play: Play) -> TemplateFile | None:
    """What ``template`` renders; None where that is no one file, or cannot be read."""
    name = task.args.get("src") if task.action == "template" else None
    if not isinstance(name, str) or is_template(name) or not name:
        return None
    try:
        path = find_file(task, play.folder, "templates", name)
        return _read(path, _syntax(task))
    except (OpsError, OSError, ValueError, HeaderProblem):
        return None


def _read(path: Path, syntax: Syntax) -> TemplateFile | None:
    if not path.is_file():
        return None
    with path.open("rb") as stream:
        content = stream.read(_MAX_BYTES)
    headed = split_header(content.decode(), syntax)
    return TemplateFile(headed.source, headed.syntax, Origin(str(path), 1 + headed.lines, 1))


def _syntax(task: Task) -> Syntax:
    marks: dict[str, Any] = {
        name: str(task.args[name]) for name in Syntax._fields if _is_mark(task, name)
    }
    return Syntax()._replace(**marks)


def _is_mark(task: Task, name: str) -> bool:
    return name.endswith("_string") and isinstance(task.args.get(name), str)

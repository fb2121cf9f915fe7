"""The variables that playbooks and roles define by themselves, and what they are defined as."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lpse_ops.errors import OpsError
from lpse_ops.marked import Map
from lpse_ops.playbook.actions_table import is_template
from lpse_ops.playbook.model import Keywords, Play, Role, Task
from lpse_ops.playbook.scope import LoadContext
from lpse_ops.playbook.usedtasks import files_meant

_DEEPEST = 10
_ENDINGS = ("", ".yml", ".yaml", ".json")


@dataclass
class Definitions:
    """``values`` are those that are evaluated only when the variable is used."""

    names: set[str] = field(default_factory=set)
    _values: dict[str, list[Any]] = field(default_factory=dict)
    _defaults: dict[str, list[Any]] = field(default_factory=dict)
    _seen: set[int] = field(default_factory=set)
    _folders: set[Path] = field(default_factory=set)

    def values_of(self, name: str, given: frozenset[str]) -> list[Any]:
        """What a variable may be; not a role's default where something stronger is ``given``."""
        defaults = [] if name in given else self._defaults.get(name, [])
        return [*self._values.get(name, ()), *defaults]

    def add(self, variables: Any) -> None:
        """Variables of ``vars:`` or of a file."""
        self._put(variables, self._values)

    def add_play(self, play: Play, roles: Sequence[Role], context: LoadContext) -> bool:
        """Everything that a play and its roles say; False where a file could not be read."""
        self.add(play.vars)
        self.add(play.keywords.own.get("vars"))
        self.names |= {str(each.name) for each in play.vars_prompt}
        for role in roles:
            self._put(role.defaults, self._defaults)
            self.add(role.vars)
            self.add(role.params)
            self.add_levels(role.keywords)
        entries = [each for entry in play.vars_files for each in _entries(entry)]
        folders = [play.folder / "vars", play.folder]
        read = [self.add_files(str(each), folders, context) for each in entries]
        others = [self._other_vars(role, context) for role in roles]
        return all([*read, *others])

    def add_levels(self, keywords: Keywords) -> None:
        """``vars`` of a task, a block or the use of a role, and of all that is around it."""
        for level in keywords.levels():
            if id(level.own) not in self._seen:
                self._seen.add(id(level.own))
                self.add(level.own.get("vars"))

    def add_files(self, name: str, folders: Sequence[Path], context: LoadContext) -> bool:
        """The variables of every file that a name may mean; False if one cannot be read."""
        if is_template(name):
            found = list(files_meant(name, folders))
        else:
            candidates = [folder / name for folder in folders]
            found = [each for each in candidates if each.is_file()][:1]
        return self._load_all(found, context)

    def _other_vars(self, role: Role, context: LoadContext) -> bool:
        """Files below ``vars/`` that a task of the role may include by any name."""
        folder = role.folder / "vars"
        if folder in self._folders:
            return True
        self._folders.add(folder)
        return self._load_all(list(_files_below(folder, 0)), context)

    def _load_all(self, paths: Sequence[Path], context: LoadContext) -> bool:
        """Load all of them, also behind one that cannot be read."""
        read = [self._load(each, context) for each in paths]
        return all(read)

    def _load(self, path: Path, context: LoadContext) -> bool:
        try:
            self.add(context.load_yaml(path))
        except OpsError:
            return False
        return True

    def _put(self, variables: Any, values: dict[str, list[Any]]) -> None:
        for name, value in variables.items() if isinstance(variables, Mapping) else ():
            self.names.add(str(name))
            values.setdefault(str(name), []).append(value)


def _files_below(folder: Path, depth: int) -> Iterator[Path]:
    for path in sorted(folder.iterdir()) if folder.is_dir() and depth < _DEEPEST else ():
        if path.is_dir():
            yield from _files_below(path, depth + 1)
        elif path.suffix in _ENDINGS and path.is_file():
            yield path


def _entries(entry: Any) -> Iterator[Any]:
    yield from entry if isinstance(entry, list) else [entry]


def names_defined_by(
    task: Task, play: Play, context: LoadContext, definitions: Definitions
) -> bool:
    """Note what a task defines for those that follow; False where nobody can say what it is."""
    definitions.add_levels(task.keywords)
    if task.register is not None:
        definitions.names.add(str(task.register))
    control = task.keywords.own.get("loop_control")
    if isinstance(control, Map):
        names = {str(control[each]) for each in ("loop_var", "index_var") if control.get(each)}
        definitions.names |= names
        if any(map(is_template, names)):
            return False
    if task.action in ("set_fact", "add_host"):
        definitions.names |= {str(each) for each in task.args if each != "_raw_params"}
        return not any(map(is_template, task.args)) and "_variable_params" not in task.args
    return task.action != "include_vars" or _include_vars(task, play, context, definitions)


def _include_vars(task: Task, play: Play, context: LoadContext, definitions: Definitions) -> bool:
    named = task.args.get("name")
    if named is not None:
        definitions.names.add(str(named))
        return not is_template(named)
    asked = task.args.get("file") or task.args.get("_raw_params")
    folders = [] if task.role is None else [task.role.folder / "vars", task.role.folder]
    if task.origin is not None:
        folders.append(Path(task.origin.file).parent)
    folders += [play.folder / "vars", play.folder]
    folder = task.args.get("dir")
    if folder is not None:
        return definitions.add_files(f"{folder}/{{{{ any }}}}", folders, context)
    return isinstance(asked, str) and definitions.add_files(asked.strip(), folders, context)

"""Which variables playbooks and their roles use, and which of them they define: read, never run.

What cannot be known without a run counts as defined: names behind ``default()`` or ``is defined``,
facts, and everything in a playbook that does not load or names a role by a template.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

from lpse_ops.errors import OpsError
from lpse_ops.marked import Origin, Text, every_text
from lpse_ops.playbook.actions_table import ModuleSpec, is_template, name_set
from lpse_ops.playbook.keywords import values_of
from lpse_ops.playbook.load import load_playbook
from lpse_ops.playbook.model import Keywords, Play, Task
from lpse_ops.playbook.problems import PlacedError
from lpse_ops.playbook.scope import LoadContext
from lpse_ops.playbook.template_check import CONDITIONS, texts_of
from lpse_ops.playbook.useddefinitions import Definitions, names_defined_by
from lpse_ops.playbook.usedfiles import template_of
from lpse_ops.playbook.usedtasks import PlayWalk
from lpse_ops.templating.markers import Source
from lpse_ops.templating.names import NameReader, NamesIn
from lpse_ops.templating.place import find_word, place_in_file, place_in_scalar

# What every task may ask for, besides what begins with ansible_.
MAGIC = name_set(
    "inventory_hostname inventory_hostname_short inventory_dir inventory_file group_names groups "
    "hostvars play_hosts playbook_dir role_name role_names role_path environment vars item "
    "template_host template_path template_mtime template_uid template_fullpath template_destpath "
    "template_run_date discovered_interpreter_python packages services gather_subset module_setup "
    "mount_points aggregate_mounts"
)
_FACTS = ("ansible_", "getent_")
# Their values hold no templates that are used here, or are read elsewhere.
_NOT_READ = frozenset({"vars", "hosts", "vars_files", "vars_prompt", "register"})


class Unread(NamedTuple):
    """Why the uses of a playbook are not known, and the place that says so."""

    origin: Origin
    problem: str


class Uses(NamedTuple):
    """``used``: every name that has to be there, with the place of its first use.

    ``unread``: one reason for each playbook of which the uses are not known.
    """

    used: Mapping[str, Origin]
    defined: frozenset[str]
    unread: tuple[Unread, ...] = ()


def is_ambient(name: str) -> bool:
    """Whether a name is a fact or says how a host is reached."""
    return name in MAGIC or name.startswith(_FACTS)


def read_uses(
    playbooks: Iterable[Path],
    make_context: Callable[[Path], LoadContext],
    given: Collection[str] = (),
) -> Uses:
    """Uses in all playbooks; a default of a role that ``given`` names is never looked into."""
    used: dict[str, Origin] = {}
    defined: set[str] = set(MAGIC)
    unread: list[Unread] = []
    for path in playbooks:
        found = _read_playbook(path, make_context(path), frozenset(given))
        defined |= found.defined
        unread += found.unread
        for name, origin in found.used.items():
            used.setdefault(name, origin)
    return Uses(used, frozenset(defined), tuple(unread))


def _read_playbook(path: Path, context: LoadContext, given: frozenset[str]) -> Uses:
    faults: list[Exception] = []
    lenient = replace(
        context,
        collect=faults.append,
        check_templates=None,
        warn=_say_nothing,
        find_module=lambda name: context.find_module(name) or ModuleSpec(any_name=True),
    )
    reader = _Reader(lenient, given)
    try:
        for play in load_playbook(path, lenient).plays:
            reader.read_play(play)
    except (OpsError, OSError) as error:
        faults.append(error)
    # A task that is left out may be the one that defines what others use.
    unread = [*(_unread(each, path) for each in faults), *reader.unread]
    names = frozenset(reader.definitions.names | reader.asked)
    return Uses({} if unread else reader.found(), names, tuple(unread[:1]))


def _unread(fault: Exception, path: Path) -> Unread:
    if isinstance(fault, PlacedError):
        return Unread(fault.origin, fault.problem)
    message = fault.message if isinstance(fault, OpsError) else str(fault)
    return Unread(Origin(str(path)), message.partition("\n")[0])


def _say_nothing(_message: str) -> None:
    """Who runs or lints the playbook is told."""


@dataclass
class _Reader:
    """Collects over the plays of one playbook; facts and ``set_fact`` go from one to the next."""

    context: LoadContext
    given: frozenset[str]
    names: NameReader = field(default_factory=NameReader)
    definitions: Definitions = field(default_factory=Definitions)
    asked: set[str] = field(default_factory=set)
    unread: list[Unread] = field(default_factory=list)
    _found: dict[str, Callable[[], Origin | None]] = field(default_factory=dict)
    _seen: set[int] = field(default_factory=set)

    def read_play(self, play: Play) -> None:
        walk = PlayWalk(play, self.context)
        tasks = list(walk.every_task())
        for each in walk.lost:
            self._give_up(each.origin, each.problem)
        if not self.definitions.add_play(play, walk.roles, self.context):
            self._give_up(play.origin, "a file of variables cannot be read")
        self._keywords(play.keywords)
        for role in walk.roles:
            self._keywords(role.keywords)
        for task in tasks:
            if not names_defined_by(task, play, self.context, self.definitions):
                self._give_up(task.origin, "only a run can tell which variables this defines")
            self._task(task, play)

    def _give_up(self, origin: Origin | None, problem: str) -> None:
        self.unread.append(Unread(origin or Origin("playbook"), problem))

    def found(self) -> dict[str, Origin]:
        """Names that have to be there; what a variable's own value needs counts if it is used."""
        self._follow()
        return {
            name: place() or Origin("playbook")
            for name, place in self._found.items()
            if name not in self.asked and not is_ambient(name)
        }

    def _follow(self) -> None:
        done: set[str] = set()
        while left := [each for each in self._found if each not in done]:
            for name in left:
                done.add(name)
                for value in self.definitions.values_of(name, self.given):
                    self._templates(value)

    def _task(self, task: Task, play: Play) -> None:
        if task.implicit or _never_runs(task):
            return
        for level in task.keywords.levels():
            self._keywords(level)
        for written in texts_of(task):
            self._text(written.text, is_expression=written.is_expression)
        file = template_of(task, play)
        if file is not None:
            source, syntax = file.source, file.syntax
            self._note(self.names.template(source, syntax), _in_file(file.origin, source))

    def _keywords(self, keywords: Keywords) -> None:
        if id(keywords.own) in self._seen:
            return
        self._seen.add(id(keywords.own))
        for name, value in keywords.own.items():
            if name in CONDITIONS:
                for each in values_of(value):
                    if isinstance(each, Text):
                        self._text(each, is_expression=not is_template(each))
            elif name not in _NOT_READ:
                self._templates(value)

    def _templates(self, value: Any) -> None:
        for text in every_text(value):
            if is_template(text):
                self._text(text, is_expression=False)

    def _text(self, text: Text, *, is_expression: bool) -> None:
        read = self.names.expression if is_expression else self.names.template
        self._note(read(text), _in_text(text, is_expression=is_expression))

    def _note(self, names: NamesIn, place: Callable[[str, int], Origin | None]) -> None:
        self.asked |= names.asked
        for name, line in names.needed.items():
            self._found.setdefault(name, _later(place, name, line))


def _never_runs(task: Task) -> bool:
    conditions = (each for chain in task.keywords.chain("when") for each in values_of(chain))
    return any(each is False for each in conditions)


def _later(
    place: Callable[[str, int], Origin | None], name: str, line: int
) -> Callable[[], Origin | None]:
    return lambda: place(name, line)


def _in_text(text: Text, *, is_expression: bool) -> Callable[[str, int], Origin | None]:
    return lambda name, line: place_of_name(text, name, line, is_expression=is_expression)


def place_of_name(text: Text, name: str, line: int, *, is_expression: bool) -> Origin | None:
    """Where a name of a template stands in its file."""
    if text.origin is None:
        return None
    source = Source(text, text.origin, is_expression)
    return place_in_scalar(text.origin, text, find_word(source, name, line, is_member=False))


def _in_file(origin: Origin, content: str) -> Callable[[str, int], Origin | None]:
    def place(name: str, line: int) -> Origin:
        source = Source(content, origin, is_file=True)
        found = place_in_file(origin, content, find_word(source, name, line, is_member=False))
        return found._replace(line=found.line + origin.line - 1)

    return place

"""What a playbook says that cannot run, or surprises: faults, YAML's traps, 2.18 against 2.19.

Walks into everything that is included by a literal name.  The traps of one task are in
``lint_rules``; here are those that take a whole play to see.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from lpse_ops.errors import PlaybookError
from lpse_ops.marked import Map, Origin, Text, key_origin, origin_of
from lpse_ops.playbook.actions_table import INCLUDES, is_template, name_set
from lpse_ops.playbook.imports import Loaded, load_included_role, load_tasks
from lpse_ops.playbook.includes import find_tasks_file
from lpse_ops.playbook.keywords import values_of
from lpse_ops.playbook.lint_kinds import KIND_RULES, learn, list_as_text
from lpse_ops.playbook.lint_rules import TASK_RULES, numbers_in
from lpse_ops.playbook.load import load_playbook
from lpse_ops.playbook.mode_trap import Finding
from lpse_ops.playbook.model import Block, Keywords, Play, Task, every_task
from lpse_ops.playbook.problems import PlacedError, did_you_mean
from lpse_ops.playbook.reserved import RESERVED as WARNED_OF
from lpse_ops.playbook.scope import LoadContext

_DEEPEST = 20
_ERROR = "error"
# Names of variables that mean something else already; a run warns of the first ones.
RESERVED = WARNED_OF | name_set(
    "group_names groups hostvars inventory_hostname play_hosts playbook_dir role_path"
)


def lint_playbook(
    path: Path, make_context: Callable[[Callable[[str], None]], LoadContext]
) -> list[Finding]:
    """Everything worth a look in a playbook and what it uses, by file and line.

    ``make_context`` is given what takes the warnings of reading.
    """
    findings: list[Finding] = []

    def collect(error: PlaybookError) -> None:
        findings.append(_finding_of(error))

    def warn(message: str) -> None:
        findings.append(Finding(None, "yaml", message, "see this place of the file"))

    watched = replace(make_context(warn), collect=collect)
    try:
        plays = load_playbook(path, watched).plays
        # A role that is not there, or a handler that cannot be read, has names nobody knows.
        is_complete = not any(each.rule == _ERROR for each in findings)
        for play in plays:
            findings.extend(_lint_play(_Walk(play, watched, is_complete=is_complete)))
    except PlaybookError as error:
        collect(error)
    # What two plays use is found twice.
    return sorted(dict.fromkeys(findings), key=_order)


def _finding_of(error: PlaybookError) -> Finding:
    if isinstance(error, PlacedError):
        return Finding(error.origin, _ERROR, error.problem, error.hint)
    return Finding(None, _ERROR, error.message.partition("\n")[0], error.hint)


def _order(finding: Finding) -> tuple[str, int, int, str]:
    origin = finding.origin or Origin("")
    return origin.file, origin.line, origin.column, finding.message


@dataclass
class _Walk:
    """One play, and what its includes bring as far as that is known without a host."""

    play: Play
    context: LoadContext
    handlers: list[Block] = field(default_factory=list)
    is_complete: bool = True

    def every_task(self) -> Iterator[Task]:
        sections = (*self.play.sections(), self.play.handlers)
        for section in sections:
            yield from self._follow(list(every_task(section)), 0)

    def _follow(self, tasks: Sequence[Task], depth: int) -> Iterator[Task]:
        for task in tasks:
            yield task
            if task.action in INCLUDES:
                loaded = self._load(task) if depth < _DEEPEST else None
                if loaded is None:
                    self.is_complete = False
                    continue
                self.handlers.extend(loaded.handlers)
                yield from self._follow(
                    list(every_task([*loaded.nodes, *loaded.handlers])), depth + 1
                )

    def _load(self, task: Task) -> Loaded | None:
        """What an include brings; None when only a run can tell."""
        if task.loop is not None or any(map(is_template, task.args.values())):
            return None
        try:
            if task.action == "include_role":
                return load_included_role(task, task.args, self.play, self.context)
            path = find_tasks_file(task, str(task.args["file"]), self.play.folder)
            return load_tasks(path, task, self.play, self.context)
        except PlaybookError as error:
            self.context.refuse(error)
            return None


def _lint_play(walk: _Walk) -> Iterator[Finding]:
    tasks = [task for task in walk.every_task() if not task.implicit]
    for variables in (walk.play.vars, *_of_roles(walk.play, tasks)):
        yield from _variables(variables)
        yield from _templates(variables, walk.context)
    known = learn(walk.play, tasks)
    for task in tasks:
        yield from _of_variables(task.keywords.own.get("vars"))
        yield from _templates(task.keywords.own.get("vars"), walk.context)
        if task.action == "set_fact":
            yield from _structures(task.args)
        for rule in TASK_RULES:
            yield from rule(task)
        for kind_rule in KIND_RULES:
            yield from kind_rule(task, known)
    if walk.is_complete:
        yield from _unknown_handlers(walk, tasks)


def _variables(variables: Map) -> Iterator[Finding]:
    yield from _of_variables(variables)
    yield from numbers_in(variables)


def _of_variables(variables: object) -> Iterator[Finding]:
    yield from _reserved(variables)
    yield from _structures(variables)


def _of_roles(play: Play, tasks: Sequence[Task]) -> list[Map]:
    """Defaults and variables of every role, also of those that tasks include."""
    roles = [*play.roles, *[task.role for task in tasks if task.role is not None]]
    return [
        each
        for role in {id(role): role for role in roles}.values()
        for each in (role.defaults, role.vars)
    ]


def _templates(variables: object, context: LoadContext) -> Iterator[Finding]:
    """Variables that fail whenever they are used: no such filter, no valid expression."""
    check = context.check_templates
    if check is None or not isinstance(variables, Map):
        return
    for name, value in variables.items():
        try:
            check(_assignment(name, value))
        except PlaybookError as error:
            found = _finding_of(error)
            yield found._replace(rule="variable-template", message=f"{name}: {found.message}")


def _assignment(name: object, value: object) -> Task:
    args = Map({name: value})
    return Task(Keywords(Map()), None, "set_fact", "set_fact", args, origin_of(value), ())


def _structures(variables: object) -> Iterator[Finding]:
    for name, value in variables.items() if isinstance(variables, Map) else ():
        yield from list_as_text(name, value)


def _reserved(variables: object) -> Iterator[Finding]:
    for name in variables if isinstance(variables, Map) else ():
        if name in RESERVED:
            yield Finding(
                key_origin(variables, name) if isinstance(variables, Map) else None,
                "reserved-name",
                f"a variable named {str(name)!r} hides something of that name, or is hidden by it",
                "give it another name",
            )


def _unknown_handlers(walk: _Walk, tasks: Sequence[Task]) -> Iterator[Finding]:
    handlers = list(every_task([*walk.play.handlers, *walk.handlers]))
    names = {name for handler in handlers for name in handler_names(handler)}
    if any(is_template(name) for name in names):
        return
    for task in tasks:
        for asked in values_of(task.keywords.get("notify")):
            if isinstance(asked, Text) and not is_template(asked) and str(asked) not in names:
                yield Finding(
                    origin_of(asked),
                    "unknown-handler",
                    f"there is no handler {str(asked)!r}",
                    did_you_mean(asked, names) or "add it below handlers:",
                )


def handler_names(handler: Task) -> frozenset[str]:
    """Everything a ``notify`` may call a handler: name and topics, also with its role's name."""
    own = {str(name) for name in (handler.name, *handler.listen) if name}
    role = handler.role
    return frozenset(own | {f"{role.name} : {name}" for name in own} if role else own)

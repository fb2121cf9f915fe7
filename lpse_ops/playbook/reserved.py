"""Names that no variable should have: they mean something else already, so ansible-core warns."""

from collections.abc import Iterable, Iterator
from typing import Any

from lpse_ops.marked import Origin, key_origin, origin_of
from lpse_ops.playbook.actions_table import name_set
from lpse_ops.playbook.events import Warn
from lpse_ops.playbook.keyword_tables import BLOCK, PLAY, TASK
from lpse_ops.playbook.model import Play, Task, every_task

# Keywords, some more of ansible-core's own, and what Jinja's templates know.
_KEYWORDS = frozenset(PLAY) | frozenset(BLOCK) | frozenset(TASK)
RESERVED = (
    (_KEYWORDS - {"gather_subset", "user", "vars"})
    | name_set("async_val loop_with with_")
    | name_set("lookup now omit q query undef cycler dict joiner lipsum namespace range")
)


def warn_of_reserved(names: Iterable[Any], warn: Warn, task: Task | None = None) -> None:
    """Warn of each name that is reserved; ``task`` is what gives names that know no place."""
    for name in names:
        if name in RESERVED:
            place = origin_of(name) or (_place_in(task, name) if task else None)
            warn(f"Found variable using reserved name {str(name)!r}.", place)


def warn_of_reserved_in(play: Play, warn: Warn) -> None:
    """Warn of the variables that a play, its roles, blocks and tasks set by themselves."""
    for names in _names_in(play):
        warn_of_reserved(names, warn)


def _names_in(play: Play) -> Iterator[Iterable[Any]]:
    yield play.vars
    yield [each.name for each in play.vars_prompt]
    for role in play.roles:
        yield from (role.defaults, role.vars, role.params)
    seen: set[int] = set()
    nodes = [node for section in (*play.sections(), play.handlers) for node in section]
    for task in every_task(nodes):
        for level in task.keywords.levels():
            if id(level) not in seen:
                seen.add(id(level))
                values = level.own.get("vars")
                yield values if isinstance(values, dict) else ()
        yield from _registered(task)


def _registered(task: Task) -> Iterator[list[Any]]:
    if task.register is not None:
        yield [task.register]


def _place_in(task: Task, name: Any) -> Origin | None:
    """Where a task names a variable; the task itself when that is a template."""
    return key_origin(task.args, str(name)) or task.origin

"""``import_*`` while a playbook is read, ``include_*`` while it runs: files and roles as nodes."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from lpse_ops.marked import Map, Origin, Seq, Text, origin_of
from lpse_ops.playbook.includes import FROM_FILES, find_tasks_file, included_keywords
from lpse_ops.playbook.keyword_tables import BLOCK
from lpse_ops.playbook.model import Block, Keywords, Node, Play, Role, Task
from lpse_ops.playbook.problems import problem_at
from lpse_ops.playbook.roles import RoleUse, flag, load_role
from lpse_ops.playbook.scope import Collected, LoadContext, Scope
from lpse_ops.playbook.tasks import parse_nodes

_DEEPEST = 50


@dataclass(frozen=True)
class Loaded:
    """What a dynamic include brings: its tasks, and what its imports add to the play.

    The caller appends ``roles`` and ``handlers`` to the play's own.
    """

    nodes: list[Node]
    role: Role | None = None
    roles: list[Role] = field(default_factory=list)
    handlers: list[Block] = field(default_factory=list)


def import_statically(task: Task, scope: Scope) -> Block:
    """The block that stands for an ``import_tasks`` or ``import_role``."""
    if len(scope.position) > 2 * _DEEPEST:
        raise problem_at(
            task.origin, "imports go on without end", hint="use include_tasks with a condition"
        )
    own = task.keywords.own
    # Only what a block may say reaches what is imported.
    given = Map({name: own[name] for name in own if name in BLOCK}, origin=own.origin)
    keywords = Keywords(given, task.keywords.parent, "import")
    if task.action == "import_tasks":
        nodes = _import_tasks(task, scope, keywords)
    else:
        nodes = _import_role(task, scope, keywords)
    return Block(
        keywords, task.name, task.origin, task.position, task.role, block=nodes, implicit=True
    )


def _import_tasks(task: Task, scope: Scope, keywords: Keywords) -> list[Node]:
    name = scope.evaluate_name(task.args["file"], keywords)
    path = find_tasks_file(task, str(name), scope.play.folder)
    if path.resolve() in scope.files:
        raise problem_at(
            task.origin,
            f"{path} imports itself",
            hint="use include_tasks with a condition, or remove this import",
        )
    inner = replace(scope, keywords=keywords, files=(*scope.files, path.resolve()))
    return parse_nodes(_load_list(path, scope.context), inner)


def _load_list(path: Path, context: LoadContext) -> Seq:
    data = context.load_yaml(path)
    if not data:
        context.warn(f"{path} is empty and has no tasks to include")
        return Seq(origin=Origin(str(path)))
    if not isinstance(data, Seq):
        raise problem_at(
            origin_of(data) or Origin(str(path)),
            f"{path} has to be a list of tasks",
            hint="begin each task with `- `",
        )
    return data


def _import_role(task: Task, scope: Scope, keywords: Keywords) -> list[Node]:
    options = {
        name: scope.evaluate_name(value, keywords)
        for name, value in task.args.items()
        if name != "name"
    }
    files = {name: str(options[name]) for name in FROM_FILES if name in options}
    use = _role_use(task, {**options, "name": task.args["name"]}, files, public=True)
    role, nodes = load_role(use, scope, keywords)
    scope.collected.roles.extend([*role.all_dependencies(), role])
    scope.collected.handlers.extend(role.handlers)
    return nodes


def _role_use(
    task: Task, args: Mapping[Any, Any], files: Mapping[str, str], *, public: bool
) -> RoleUse:
    name = args["name"]
    around = task.role
    return RoleUse(
        name if isinstance(name, Text) else Text(str(name), task.origin),
        # What was evaluated when the task ran may come from a host: it is a name, never a template.
        is_evaluated=not isinstance(name, Text),
        from_files=files,
        from_include=True,
        public=flag(args.get("public"), otherwise=public),
        allow_duplicates=flag(args.get("allow_duplicates"), otherwise=True),
        validate=flag(args.get("rolespec_validate"), otherwise=True),
        parents=(*around.parents, around) if around is not None else (),
    )


def load_tasks(
    path: Path,
    include: Task,
    play: Play,
    context: LoadContext,
    *,
    variables: Mapping[str, Any] | None = None,
    number: int = 0,
) -> Loaded:
    """The tasks of a file for an ``include_tasks`` that runs.

    ``find_tasks_file`` gives the path.  ``variables`` are the loop's own (``item``); ``number``
    tells the uses of one include apart, so that positions stay unique.
    """
    scope = _dynamic_scope(include, play, context, variables, number)
    nodes = parse_nodes(_load_list(path, context), scope)
    return Loaded(nodes, None, scope.collected.roles, scope.collected.handlers)


def load_included_role(
    include: Task,
    args: Mapping[str, Any],
    play: Play,
    context: LoadContext,
    *,
    variables: Mapping[str, Any] | None = None,
    number: int = 0,
) -> Loaded:
    """The role for an ``include_role`` that runs; ``args`` are evaluated."""
    scope = _dynamic_scope(include, play, context, variables, number)
    files = {name: str(args[name]) for name in FROM_FILES if args.get(name) is not None}
    use = _role_use(include, args, files, public=False)
    # A role includes itself with a condition, but never hundreds deep.
    if len(use.parents) > _DEEPEST:
        raise problem_at(
            include.origin, "roles include each other without end", hint="add a condition"
        )
    role, nodes = load_role(use, scope, scope.keywords)
    collected = scope.collected
    roles = [*collected.roles, *role.all_dependencies(), role]
    return Loaded(nodes, role, roles, [*collected.handlers, *role.handlers])


def _dynamic_scope(
    include: Task,
    play: Play,
    context: LoadContext,
    variables: Mapping[str, Any] | None,
    number: int,
) -> Scope:
    return Scope(
        context=context,
        play=play,
        keywords=included_keywords(include, variables),
        importer=import_statically,
        collected=Collected(),
        position=(*include.position, number),
        role=include.role,
        is_handler=include.is_handler,
    )

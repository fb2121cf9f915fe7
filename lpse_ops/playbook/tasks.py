"""Lists of tasks and blocks: one node for each entry, checked before anything runs."""

from dataclasses import replace
from typing import Any

from lpse_ops.errors import PlaybookError
from lpse_ops.marked import Map, Text, origin_of
from lpse_ops.playbook import keyword_tables as tables
from lpse_ops.playbook import keywords as words
from lpse_ops.playbook.action_of_task import Action, read_action
from lpse_ops.playbook.actions_table import IMPORTS, INCLUDES, META_ACTIONS, is_template
from lpse_ops.playbook.argument_check import check_reserved, check_task_arguments
from lpse_ops.playbook.includes import check_include
from lpse_ops.playbook.mode_trap import mode_without_zero
from lpse_ops.playbook.model import Block, Keywords, Loop, Node, Task
from lpse_ops.playbook.place_check import check_choices, check_module_defaults, check_place
from lpse_ops.playbook.problems import problem_at, what_there_is
from lpse_ops.playbook.scope import Scope

_BLOCK_PARTS = ("block", "rescue", "always")
# Their values are needed to read a task at all; those of others may fail when it runs.
_AT_ONCE = frozenset({"register", "loop_control", "listen", "notify"})
# They have fields of their own in a ``Task``.
_FIELDS = frozenset({"name", "action", "local_action", "args", "loop", "register"})


def parse_nodes(data: Any, scope: Scope) -> list[Node]:
    """One task or block for each entry of a list; an import becomes a block of what it imports."""
    if data is None:
        return []
    if not isinstance(data, list):
        raise problem_at(
            origin_of(data), "this has to be a list of tasks", hint="begin each task with `- `"
        )
    nodes: list[Node] = []
    for number, entry in enumerate(data):
        try:
            nodes.append(parse_node(entry, replace(scope, position=(*scope.position, number))))
        except PlaybookError as error:
            scope.context.refuse(error)
    return nodes


def parse_node(entry: Any, scope: Scope) -> Node:
    if not isinstance(entry, Map):
        raise problem_at(
            origin_of(entry) or scope.keywords.own.origin,
            "a task has to be a mapping",
            hint="write `- name: ...` and the module below it",
        )
    if any(part in entry for part in _BLOCK_PARTS):
        return _parse_block(entry, scope)
    task = parse_task(entry, scope)
    return scope.importer(task, scope) if task.action in IMPORTS else task


def _parse_block(entry: Map, scope: Scope) -> Block:
    if scope.is_handler:
        raise problem_at(
            entry.origin,
            "Using a block as a handler is not supported.",
            hint="notify each handler by its own name",
        )
    if "block" not in entry:
        raise problem_at(
            entry.origin, "rescue and always need a block", hint="put the tasks below `block:`"
        )
    check_place(entry, tables.BLOCK, "a block", scope.context)
    own = Map({key: entry[key] for key in entry if key not in _BLOCK_PARTS}, origin=entry.origin)
    keywords = Keywords(own, scope.keywords, "block")
    inner = replace(scope, keywords=keywords)
    is_rescued = scope.is_rescued or bool(entry.get("rescue"))
    block, rescue, always = (
        replace(inner, position=(*scope.position, number)) for number in range(len(_BLOCK_PARTS))
    )
    return Block(
        keywords=keywords,
        name=entry.get("name"),
        origin=entry.origin,
        position=scope.position,
        role=scope.role,
        block=parse_nodes(entry["block"], replace(block, is_rescued=is_rescued)),
        rescue=parse_nodes(entry.get("rescue"), rescue),
        always=parse_nodes(entry.get("always"), always),
    )


def parse_task(entry: Map, scope: Scope) -> Task:
    """One task, its keywords and arguments checked; static imports are tasks here too."""
    action = read_action(entry, scope)
    own = _own_keywords(entry, action, scope)
    keywords = Keywords(own, scope.keywords, "task")
    task = Task(
        keywords=keywords,
        name=entry.get("name"),
        action=action.name,
        written_action=str(action.written),
        args=action.args,
        origin=entry.origin,
        position=scope.position,
        role=scope.role,
        loop=_loop(entry, scope),
        register=entry.get("register"),
        notify=keywords.get("notify"),
        listen=words.values_of(entry.get("listen")),
        is_handler=scope.is_handler,
    )
    _check_structure(task, scope)
    _warn_of_mode(task, scope)
    check_reserved(task)
    if not _may_fail(keywords, scope):
        words.check_values(own, tables.TASK)
        check_task_arguments(task, action.spec, scope.context)
        if scope.context.check_templates is not None:
            scope.context.check_templates(task)
    return task


def _warn_of_mode(task: Task, scope: Scope) -> None:
    """The one trap that breaks servers is worth a word in every run; ``lint`` has it anyway."""
    for found in mode_without_zero(task) if scope.context.collect is None else ():
        scope.context.warn(f"{found.origin}: {found.message}; {found.advice}")


def _may_fail(keywords: Keywords, scope: Scope) -> bool:
    """Whether the playbook itself deals with a failure: wrong values are then the run's affair."""
    ignored = keywords.get("ignore_errors")
    is_ignored = words.as_bool(ignored) is not False if ignored is not None else False
    return is_ignored or scope.is_rescued or "failed_when" in keywords.own


def _own_keywords(entry: Map, action: Action, scope: Scope) -> Map:
    """The keywords of a task without its action; raise for what may not stand there."""
    loops = {key for key in entry if isinstance(key, str) and key.startswith("with_")}
    left = Map(
        {key: entry[key] for key in entry if key not in loops and key != action.key},
        origin=entry.origin,
    )
    allowed, where = _allowed(action.name, is_handler=scope.is_handler)
    words.check_names(left, allowed, where, scope.context.command)
    words.check_values(Map({key: left[key] for key in left if key in _AT_ONCE}), allowed)
    words.check_variables(left.get("vars"), "a task")
    check_module_defaults(left, scope.context)
    check_choices(left, scope.context)
    _check_loop_control(left, scope)
    own = Map({key: left[key] for key in left if key not in _FIELDS}, origin=entry.origin)
    if action.is_local:
        own[Text("delegate_to", entry.origin)] = Text("localhost", entry.origin)
    return own


def _allowed(action: str, *, is_handler: bool) -> tuple[dict[str, str], str]:
    if action in INCLUDES:
        allowed = tables.HANDLER_INCLUDE if is_handler else tables.INCLUDE
        return allowed, f"an {action}"
    return (tables.HANDLER, "a handler") if is_handler else (tables.TASK, "a task")


def _check_loop_control(own: Map, scope: Scope) -> None:
    control = own.get("loop_control")
    if isinstance(control, Map):
        words.check_names(control, tables.LOOP_CONTROL, "loop_control", scope.context.command)
        words.check_values(control, tables.LOOP_CONTROL)
    elif is_template(control):
        raise problem_at(
            origin_of(control),
            "loop_control has to be a mapping, and cannot be a template itself",
            hint="write the mapping; its values may be templates",
        )


def _loop(entry: Map, scope: Scope) -> Loop | None:
    found = [key for key in entry if key == "loop" or str(key).startswith("with_")]
    if len(found) > 1:
        raise problem_at(
            origin_of(found[1]), "a task has only one loop", hint=f"remove one of {found}"
        )
    if not found:
        return None
    kind = str(found[0]).removeprefix("with_")
    if kind not in tables.LOOPS and kind != "loop":
        names = {f"with_{each}" for each in tables.LOOPS} | {"loop"}
        raise problem_at(
            origin_of(found[0]),
            f"there is no loop {str(found[0])!r}",
            hint=what_there_is(found[0], names, "loops", scope.context.command),
        )
    if entry[found[0]] is None:
        raise problem_at(
            origin_of(found[0]), f"{str(found[0])!r} needs a value", hint="give it a list"
        )
    return Loop(kind, entry[found[0]])


def _check_structure(task: Task, scope: Scope) -> None:
    """What an include, an import or ``meta`` asks for must make sense where it stands."""
    if task.action == "meta":
        _check_meta(task, scope)
    elif task.action in INCLUDES | IMPORTS:
        check_include(task, scope)


def _check_meta(task: Task, scope: Scope) -> None:
    asked = task.args.get("_raw_params")
    if not isinstance(asked, str) or asked not in META_ACTIONS:
        raise problem_at(
            origin_of(asked) or task.origin,
            f"meta cannot do {asked!s}",
            hint=what_there_is(str(asked), META_ACTIONS, "it can", ""),
        )
    if asked == "flush_handlers" and scope.is_handler:
        raise problem_at(
            task.origin,
            "flush_handlers cannot be used as a handler",
            hint="handlers that a handler notifies run at the next flush",
        )
    if asked == "end_role" and (scope.role is None or scope.is_handler):
        where = "a handler" if scope.is_handler else "outside of a role"
        raise problem_at(
            task.origin,
            f"Cannot execute 'end_role' from {where}",
            hint="use end_host or end_play here",
        )

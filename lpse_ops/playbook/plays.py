"""One play: its keywords checked, its roles and tasks read."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from lpse_ops.errors import PlaybookError, TemplateError
from lpse_ops.marked import Map, Seq, Text, key_origin, origin_of
from lpse_ops.playbook import keyword_tables as tables
from lpse_ops.playbook import keywords as words
from lpse_ops.playbook.actions_table import is_template
from lpse_ops.playbook.imports import import_statically
from lpse_ops.playbook.model import (
    HANDLERS,
    POST_TASKS,
    PRE_TASKS,
    ROLES,
    TASKS,
    Block,
    Keywords,
    Node,
    Play,
    Prompt,
)
from lpse_ops.playbook.place_check import check_place
from lpse_ops.playbook.problems import problem_at
from lpse_ops.playbook.roles import load_role, read_use
from lpse_ops.playbook.scope import Collected, LoadContext, Scope
from lpse_ops.playbook.searchpath import expand
from lpse_ops.playbook.tags import tag_values
from lpse_ops.playbook.tasks import parse_nodes

_LISTS = ("pre_tasks", "roles", "tasks", "post_tasks", "handlers")
_FIELDS = frozenset({*_LISTS, "name", "hosts", "vars", "vars_files", "vars_prompt", "user"})


def parse_play(entry: Map, folder: Path, context: LoadContext, around: Map | None = None) -> Play:
    """One play; ``around`` are the keywords of the ``import_playbook`` that brings it."""
    _check_play(entry, context)
    around = around or Map()
    own = _own_keywords(entry, around)
    play = Play(
        name=entry.get("name"),
        hosts=entry["hosts"],
        keywords=Keywords(own, None, "play"),
        folder=folder,
        origin=entry.origin,
        vars=Map({**(entry.get("vars") or {}), **(around.get("vars") or {})}, origin=entry.origin),
        vars_files=words.values_of(entry.get("vars_files")),
        vars_prompt=_prompts(entry.get("vars_prompt")),
    )
    _fill(play, entry, context)
    return play


def _check_play(entry: Map, context: LoadContext) -> None:
    check_place(entry, tables.PLAY, "a play", context)
    _check_hosts(entry)
    if "user" in entry and "remote_user" in entry:
        raise problem_at(
            key_origin(entry, "user"),
            "both 'user' and 'remote_user' are set for this play.",
            hint="remove user",
        )


def _check_hosts(entry: Map) -> None:
    hosts = entry.get("hosts")
    if "hosts" not in entry:
        raise problem_at(
            entry.origin,
            "this play has no hosts",
            hint="write `hosts: all`, or the name of a group",
        )
    values = words.values_of(hosts)
    if not hosts or not all(isinstance(each, str) and each for each in values):
        raise problem_at(
            key_origin(entry, "hosts"),
            "Hosts list cannot be empty. Please check your playbook",
            hint="write `hosts: all`, or the name of a group",
        )


def _own_keywords(entry: Map, around: Map) -> Map:
    own = Map({key: entry[key] for key in entry if key not in _FIELDS}, origin=entry.origin)
    if "user" in entry:
        own[Text("remote_user", key_origin(entry, "user"))] = entry["user"]
    if "tags" in around:
        tags = [*tag_values(own.get("tags")), *tag_values(around["tags"])]
        own[Text("tags")] = Seq(tags, origin=origin_of(around["tags"]))
    if "when" in around:
        own[Text("when")] = around["when"]
    return own


def _prompts(value: Any) -> tuple[Prompt, ...]:
    return tuple(_prompt(each) for each in words.values_of(value))


def _prompt(entry: Any) -> Prompt:
    if not isinstance(entry, Map) or not words.is_variable_name(entry.get("name")):
        raise problem_at(
            origin_of(entry),
            "Invalid vars_prompt data structure, missing 'name' key",
            hint="write `- name: VARIABLE` and `prompt: ...` below it",
        )
    strange = next((key for key in entry if key not in tables.PROMPT), None)
    if strange is not None:
        raise problem_at(
            origin_of(strange),
            f"vars_prompt has no option {str(strange)!r}",
            hint=f"options: {', '.join(sorted(tables.PROMPT))}",
        )
    return Prompt(
        name=entry["name"],
        prompt=entry.get("prompt") or entry["name"],
        private=words.as_bool(entry.get("private", True)) is True,
        confirm=words.as_bool(entry.get("confirm", False)) is True,
        unsafe=words.as_bool(entry.get("unsafe", False)) is True,
        origin=entry.origin,
        default=entry.get("default"),
        encrypt=entry.get("encrypt"),
        salt=entry.get("salt"),
        salt_size=entry.get("salt_size"),
    )


def _fill(play: Play, entry: Map, context: LoadContext) -> None:
    """Read the lists; handlers last, because roles and imports bring some before."""
    collected = Collected()
    scope = Scope(
        context=context,
        play=play,
        keywords=play.keywords,
        importer=import_statically,
        collected=collected,
        variables=_file_variables(play, context),
    )
    blocks, handlers = _roles(entry.get("roles"), scope)
    play.roles_tasks.extend(blocks)
    play.pre_tasks.extend(
        parse_nodes(entry.get("pre_tasks"), replace(scope, position=(PRE_TASKS,)))
    )
    play.tasks.extend(parse_nodes(entry.get("tasks"), replace(scope, position=(TASKS,))))
    post = replace(scope, position=(POST_TASKS,))
    play.post_tasks.extend(parse_nodes(entry.get("post_tasks"), post))
    own = parse_nodes(entry.get("handlers"), replace(scope, position=(HANDLERS,), is_handler=True))
    if own:
        handlers.append(Block(play.keywords, None, None, (HANDLERS,), block=own, implicit=True))
    play.handlers.extend([*handlers, *collected.handlers])
    play.roles.extend(collected.roles)


def _roles(entries: Any, scope: Scope) -> tuple[list[Node], list[Block]]:
    nodes: list[Node] = []
    handlers: list[Block] = []
    for number, entry in enumerate(entries or []):
        position = (ROLES, number)
        place = replace(scope, position=position)
        try:
            role, blocks = load_role(read_use(entry, scope), place, scope.keywords)
        except PlaybookError as error:
            scope.context.refuse(error)
            continue
        scope.play.roles.extend([*role.all_dependencies(), role])
        handlers.extend(role.handlers)
        nodes.append(
            Block(role.keywords, None, role.origin, position, role, block=blocks, implicit=True)
        )
    return nodes, handlers


def _file_variables(play: Play, context: LoadContext) -> dict[str, Any]:
    """What ``vars_files`` say, as far as they can be found before there is a host."""
    known: dict[str, Any] = {}
    for names in play.vars_files:
        for name in words.values_of(names):
            path = _vars_file(name, play, context)
            if path is not None:
                found = context.load_yaml(path)
                known |= found if isinstance(found, Map) else {}
                break
    return known


def _vars_file(name: Any, play: Play, context: LoadContext) -> Path | None:
    variables = {**context.variables, **play.vars, **context.extra_vars}
    try:
        known = context.evaluate(name, variables) if is_template(name) else name
    except (TemplateError, PlaybookError):
        return None
    if not isinstance(known, str):
        return None
    candidates = (play.folder / "vars" / known, play.folder / expand(str(known)))
    return next((each for each in candidates if each.is_file()), None)

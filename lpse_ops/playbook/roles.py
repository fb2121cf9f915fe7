"""Roles: where they are, what their folders hold, and what they depend on."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from lpse_ops.marked import Map, Origin, Sealed, Seq, Text, origin_of, plain
from lpse_ops.playbook import keyword_tables as tables
from lpse_ops.playbook import keywords as words
from lpse_ops.playbook.actions_table import is_template
from lpse_ops.playbook.model import HANDLERS, Block, Keywords, Node, Role, RoleMeta, Task
from lpse_ops.playbook.place_check import check_place
from lpse_ops.playbook.problems import problem_at
from lpse_ops.playbook.role_files import collection_of, find_role, load_list, load_map, load_meta
from lpse_ops.playbook.scope import Scope
from lpse_ops.playbook.tasks import parse_nodes


@dataclass(frozen=True)
class RoleUse:
    """How one place uses a role: its name and everything given along."""

    name: Text
    own: Map = field(default_factory=Map)
    params: Map = field(default_factory=Map)
    from_files: Mapping[str, str] = field(default_factory=dict)
    from_include: bool = False
    public: bool = True
    allow_duplicates: bool | None = None
    validate: bool = True
    parents: tuple[Role, ...] = ()
    # A folder to look in besides the usual ones: that of the role which depends on this one.
    beside: Path | None = None
    is_evaluated: bool = False


def read_use(entry: Any, scope: Scope, *, parents: tuple[Role, ...] = ()) -> RoleUse:
    """One entry of ``roles:`` or of a role's ``dependencies``."""
    if isinstance(entry, int) and not isinstance(entry, bool):
        entry = Text(str(entry))
    beside = parents[-1].folder.parent if parents else None
    if isinstance(entry, Text):
        if "," in entry:
            raise problem_at(
                entry.origin,
                f"Invalid old style role requirement: {entry}",
                hint="write only the name of a role that is there",
            )
        return RoleUse(entry, parents=parents, beside=beside)
    name = _name_of(entry) if isinstance(entry, Map) else None
    if not isinstance(name, Text):
        raise problem_at(
            origin_of(entry), "a role needs a name", hint="write `- role: NAME` or only `- NAME`"
        )
    own = Map({key: entry[key] for key in entry if key in tables.ROLE and key != "name"})
    own.origin = entry.origin
    check_place(own, tables.ROLE, "a role", scope.context)
    params = Map({key: entry[key] for key in entry if key not in tables.ROLE and key != "role"})
    return RoleUse(name, own, params, parents=parents, beside=beside)


def _name_of(entry: Map) -> Any:
    """Its name; a requirement of ansible-galaxy says it in ``src``."""
    if "src" in entry and "role" not in entry and "name" not in entry:
        source = str(entry["src"]).partition(",")[0]
        return Text(source.rsplit("/", 1)[-1].removesuffix(".git"), origin_of(entry["src"]))
    return entry.get("role") or entry.get("name")


def load_role(use: RoleUse, scope: Scope, around: Keywords) -> tuple[Role, list[Node]]:
    """A role, and its tasks as blocks: those of its dependencies first.

    ``scope.position`` is the place of the use; ``around`` are the keywords that hold there.
    """
    name = str(use.name) if use.is_evaluated else scope.evaluate_name(use.name, around)
    name, folder = find_role(name, use.name, scope, use.beside)
    if any(parent.folder == folder for parent in use.parents if not use.from_include):
        chain = " -> ".join([*(parent.name for parent in use.parents), str(name)])
        raise problem_at(
            use.name.origin,
            f"the roles depend on each other in a circle: {chain}",
            hint="remove one of these dependencies from its meta/main.yml",
        )
    meta = load_meta(folder, scope.context)
    role = _make_role(use, str(name), folder, meta, Keywords(use.own, around, "role"), scope)
    inner = replace(scope, role=role, keywords=Keywords(Map(), role.keywords, "block"))
    nodes = _load_dependencies(role, inner)
    role.tasks.extend(_own_tasks(role, use, replace(inner, position=(*scope.position, len(nodes)))))
    nodes.append(_block(role, inner.keywords, (*scope.position, len(nodes)), role.tasks))
    role.handlers.extend(_load_handlers(role, use, inner))
    return role, nodes


def _make_role(
    use: RoleUse, name: str, folder: Path, meta: RoleMeta, keywords: Keywords, scope: Scope
) -> Role:
    context = scope.context
    duplicates = meta.allow_duplicates if use.allow_duplicates is None else use.allow_duplicates
    return Role(
        name=name,
        folder=folder,
        keywords=keywords,
        params=use.params,
        defaults=load_map(folder, "defaults", use.from_files.get("defaults_from"), context),
        vars=load_map(folder, "vars", use.from_files.get("vars_from"), context),
        meta=meta,
        key=_key(use, name, folder),
        parents=use.parents,
        allow_duplicates=duplicates,
        from_include=use.from_include,
        public=use.public,
        origin=use.name.origin,
        collection=collection_of(folder),
    )


def _key(use: RoleUse, name: str, folder: Path) -> str:
    own = {key: use.own[key] for key in ("when", "tags", "vars") if key in use.own}
    parts = [name, str(folder.resolve()), own, use.params, dict(use.from_files), use.from_include]
    return json.dumps(plain(parts), sort_keys=True, default=_sealed_or_text)


def _sealed_or_text(value: object) -> str:
    return value.ciphertext if isinstance(value, Sealed) else str(value)


def _load_dependencies(role: Role, scope: Scope) -> list[Node]:
    nodes: list[Node] = []
    for entry in role.meta.dependencies:
        use = read_use(entry, scope, parents=(*role.parents, role))
        use = replace(use, public=role.public)
        place = replace(scope, position=(*scope.position, len(nodes)))
        dependency, blocks = load_role(use, place, role.keywords)
        role.dependencies.append(dependency)
        nodes.append(_block(dependency, dependency.keywords, place.position, blocks))
    return nodes


def _own_tasks(role: Role, use: RoleUse, scope: Scope) -> list[Node]:
    data = load_list(role.folder, "tasks", use.from_files.get("tasks_from"), scope.context)
    check = _validation(role, use) if use.validate else None
    entries = Seq([check, *data]) if check is not None else data
    nodes = parse_nodes(entries, scope)
    nodes.append(_completion(role, replace(scope, position=(*scope.position, len(nodes)))))
    return nodes


def _completion(role: Role, scope: Scope) -> Task:
    """The last task of every role: from here on a host has completed it."""
    own = Map({"tags": Seq([Text("always")]), "when": Seq([True])})
    return Task(
        # Outside the role: its ``when`` and tags must not keep it from being completed.
        keywords=Keywords(own, _play_keywords(role.keywords), "task"),
        name=None,
        action="meta",
        written_action="meta",
        args=Map({Text("_raw_params"): Text("role_complete")}),
        origin=role.origin,
        position=scope.position,
        role=role,
        implicit=True,
    )


def _play_keywords(keywords: Keywords) -> Keywords:
    *_, play = keywords.levels()
    return play


def _validation(role: Role, use: RoleUse) -> Map | None:
    """The task that compares what a role is given with its ``argument_specs``."""
    entry = use.from_files.get("tasks_from", "main")
    specs = role.meta.argument_specs.get(entry)
    if not isinstance(specs, Map):
        return None
    about = f" - {specs['short_description']}" if specs.get("short_description") else ""
    place = role.origin or Origin(str(role.folder))
    context = {"type": "role", "name": role.short_name, "argument_spec_name": entry}
    args = Map(
        {
            Text("argument_spec"): specs.get("options") or Map(),
            Text("provided_arguments"): role.params,
            Text("validate_args_context"): {**context, "path": str(role.folder)},
        }
    )
    return Map(
        {
            Text("name"): Text(f"Validating arguments against arg spec '{entry}'{about}", place),
            Text("ansible.builtin.validate_argument_spec"): args,
            Text("tags"): Seq([Text("always")]),
        },
        origin=place,
    )


def _load_handlers(role: Role, use: RoleUse, scope: Scope) -> list[Block]:
    data = load_list(role.folder, "handlers", use.from_files.get("handlers_from"), scope.context)
    handlers = [each for dependency in role.dependencies for each in dependency.handlers]
    if data:
        position = (HANDLERS, *scope.position)
        place = replace(scope, is_handler=True, position=position)
        handlers.append(_block(role, scope.keywords, position, parse_nodes(data, place)))
    return handlers


def _block(role: Role, keywords: Keywords, position: tuple[int, ...], nodes: list[Node]) -> Block:
    return Block(keywords, None, role.origin, position, role, block=nodes, implicit=True)


def flag(value: Any, *, otherwise: bool) -> bool:
    """An option of an include: literal, or ``otherwise`` when it is not said."""
    return otherwise if value is None or is_template(value) else words.as_bool(value) is True

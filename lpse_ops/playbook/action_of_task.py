"""Which module a task names and with what arguments, in each of the forms Ansible allows."""

from pathlib import Path
from typing import Any, NamedTuple

from lpse_ops.errors import PlaybookError
from lpse_ops.marked import Map, Sealed, Text, key_origin, origin_of
from lpse_ops.playbook import keyword_tables as tables
from lpse_ops.playbook import keywords as words
from lpse_ops.playbook.actions_table import (
    FREE_TEXT,
    SOME_TEXT,
    STRUCTURE,
    ModuleSpec,
    find_action,
    is_template,
    short_name,
)
from lpse_ops.playbook.problems import problem_at, what_there_is
from lpse_ops.playbook.scope import Scope
from lpse_ops.playbook.splitter import parse_arguments, split_action


class Action(NamedTuple):
    """What a task does; ``key`` is the key of the task that says so.

    ``name`` is "" and ``spec`` None while the module's name is a template.
    """

    key: str
    name: str
    written: Text
    args: Map
    spec: ModuleSpec | None
    is_local: bool = False


def read_action(entry: Map, scope: Scope) -> Action:
    """The action of a task, known to us and with its arguments in one map."""
    key = _action_key(entry, scope)
    written, args = _written_action(entry, key)
    merged = _with_args_keyword(entry, args)
    is_local = key == "local_action"
    if is_template(written):
        return Action(key, "", written, merged, None, is_local)
    short = short_name(written)
    if short in STRUCTURE:
        return Action(key, short, written, _normalized(short, merged), ModuleSpec(any_name=True))
    found = find_action(written, scope.context.find_module)
    if found is None:
        raise _unknown_module(entry, written, scope)
    return Action(key, found[0], written, merged, found[1], is_local)


def _action_key(entry: Map, scope: Scope) -> str:
    keywords = tables.HANDLER
    found = [
        key for key in entry if key in ("action", "local_action") or _is_foreign(key, keywords)
    ]
    if not found:
        raise problem_at(
            entry.origin,
            "this task names no module",
            hint="write the module's name as a key of the task, such as `command: uptime`",
        )
    if len(found) == 1:
        return str(found[0])
    # The one that is a module is meant; the other is a keyword that does not exist.
    known = [key for key in found if _is_known(key, scope)]
    wrong = found[1] if len(known) != 1 else next(key for key in found if key != known[0])
    if len(known) > 1:
        raise problem_at(
            origin_of(wrong),
            f"a task has only one module, this has {' and '.join(known)}",
            hint="make a task of each",
        )
    raise words.unknown_keyword(entry, wrong, keywords, "a task", scope.context.command)


def _is_foreign(key: object, keywords: dict[str, str]) -> bool:
    return key not in keywords and not str(key).startswith("with_")


def _is_known(key: object, scope: Scope) -> bool:
    if key in ("action", "local_action"):
        return True
    short = short_name(str(key))
    return short in STRUCTURE or find_action(str(key), scope.context.find_module) is not None


def _unknown_module(entry: Map, written: Text, scope: Scope) -> PlaybookError:
    custom = _custom_module(short_name(written), scope)
    names = set(scope.context.module_names()) | STRUCTURE
    return problem_at(
        key_origin(entry, written) or origin_of(written) or entry.origin,
        f"there is no module {str(written)!r}",
        hint=f"{custom} is a module of the site, which only Ansible runs: {scope.context.command}"
        if custom is not None
        else what_there_is(written, names, "modules", scope.context.command),
    )


def _custom_module(name: str, scope: Scope) -> Path | None:
    """The file of a module that lies beside the playbook or in the role."""
    folders = [scope.play.folder, *([scope.role.folder] if scope.role else [])]
    candidates = (folder / "library" / f"{name}.py" for folder in folders)
    return next((each for each in candidates if each.is_file()), None)


def _written_action(entry: Map, key: str) -> tuple[Text, Map]:
    value = entry[key]
    if key not in ("action", "local_action"):
        name = next(each for each in entry if each == key)
        return Text(name, origin_of(name)), _arguments(value, short_name(key), entry)
    if isinstance(value, Text):
        name, rest = split_action(value)
        return name, _arguments(rest, short_name(name), entry)
    if isinstance(value, Map) and isinstance(value.get("module"), Text):
        name, rest = split_action(value["module"])
        args = Map({each: value[each] for each in value if each != "module"}, origin=value.origin)
        inner = args.pop("args", None)
        args |= _arguments(rest, short_name(name), entry)
        if inner is not None:
            args |= _arguments(inner, "", entry)
        return name, args
    raise problem_at(
        key_origin(entry, key),
        f"{key} has to name a module",
        hint=f"write `{key}: module name=value ...`",
    )


def _arguments(value: Any, action: str, entry: Map) -> Map:
    if value is None:
        return Map(origin=entry.origin)
    if isinstance(value, Map):
        return Map(value, origin=value.origin)
    if isinstance(value, Sealed):
        return Map({Text("_raw_params", value.origin): value}, origin=value.origin)
    if isinstance(value, Text):
        return _text_arguments(value, action)
    if isinstance(value, str):
        return Map({Text("_raw_params", entry.origin): value}, origin=entry.origin)
    raise problem_at(
        key_origin(entry, action) or entry.origin,
        f"the arguments of {action} have to be a mapping or a text",
        hint="write `name: value` below the module's name, one in a line",
    )


def _text_arguments(value: Text, action: str) -> Map:
    args = parse_arguments(value, free_form=action in FREE_TEXT)
    return args if is_template(action) else arguments_of(action, args)


def arguments_of(action: str, args: Map) -> Map:
    """Arguments as the action has them: free text that is one template gives a mapping of them.

    For an action that is known only when it runs, this is too.
    """
    raw = args.get("_raw_params")
    if not isinstance(raw, Text) or action in SOME_TEXT or not _is_one_template(raw):
        return args
    renamed = {"_raw_params": Text("_variable_params", raw.origin)}
    return Map({renamed.get(name, name): args[name] for name in args}, origin=args.origin)


def _is_one_template(value: str) -> bool:
    return value.startswith("{{") and value.endswith("}}")


def _with_args_keyword(entry: Map, args: Map) -> Map:
    """``args:`` gives what the action itself does not."""
    more = entry.get("args")
    if more is None:
        return args
    if isinstance(more, Text) and _is_one_template(more):
        return Map({Text("_variable_params", more.origin): more, **args}, origin=args.origin)
    if not isinstance(more, Map):
        raise problem_at(
            origin_of(more) or key_origin(entry, "args"),
            "args has to be a mapping, or a template that gives one",
            hint="write `name: value` below args:, one in a line",
        )
    own = {key: args[key] for key in args}
    return Map({**{key: more[key] for key in more if key not in own}, **own}, origin=args.origin)


def _normalized(action: str, args: Map) -> Map:
    """Includes with one spelling of their first argument."""
    spelling = {"_raw_params": "file"} if action.endswith("_tasks") else {"role": "name"}
    if action == "meta":
        spelling = {}
    if action.endswith("_role") and "_raw_params" in args:
        return args
    renamed = {
        Text(spelling[key], origin_of(key)) if key in spelling else key: args[key] for key in args
    }
    return Map(renamed, origin=args.origin)

"""``include_vars``: variables from a file or a folder of files, while the play runs."""

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from lpse_ops.agent.conversions import convert
from lpse_ops.errors import OpsError
from lpse_ops.marked import Map
from lpse_ops.playbook.actions.context import ActionContext, ActionFailed, Result

ARGUMENTS: dict[str, dict[str, Any]] = {
    "file": {"type": "str"},
    "dir": {"type": "str"},
    "name": {"type": "str"},
    "depth": {"type": "int", "default": 0},
    "files_matching": {"type": "str"},
    "ignore_files": {"type": "list", "elements": "str", "default": []},
    "extensions": {"type": "list", "elements": "str", "default": ["json", "yaml", "yml"]},
    "ignore_unknown_extensions": {"type": "bool", "default": False},
    "hash_behaviour": {"type": "str", "choices": ["replace", "merge"]},
}
FREE_FORM = "_raw_params"


def run(args: Mapping[str, Any], action: ActionContext) -> Result:
    """The run takes ``ansible_facts`` of this action as included variables."""
    variables: dict[str, Any] = {}
    files: list[str] = []
    for path in _files(args, action):
        variables |= _load(path, action)
        files.append(str(path))
    if args.get("name"):
        # A ``Map``, as the templates in it are still to be evaluated.
        variables = {str(args["name"]): Map(variables)}
    if args.get("hash_behaviour") == "merge":
        # With what is known already; files of one folder replace each other all the same.
        known = {name: action.variables[name] for name in variables if name in action.variables}
        variables = _merge(known, variables)
    return {
        "ansible_facts": variables,
        "ansible_included_var_files": files,
        "changed": False,
    }


def _failed(message: str) -> ActionFailed:
    failed = ActionFailed(message, ansible_included_var_files=[])
    # Ansible says it under a name of this action's own; playbooks look for both.
    failed.result["message"] = message
    return failed


def _load(path: Path, action: ActionContext) -> Mapping[str, Any]:
    try:
        loaded = action.load_yaml(path)
    except OpsError as error:
        raise _failed(error.message) from error
    if loaded is None:
        return {}
    if not isinstance(loaded, Mapping):
        raise _failed(f"{path} must be stored as a dictionary/hash")
    return loaded


def _files(args: Mapping[str, Any], action: ActionContext) -> Iterator[Path]:
    if not args.get("dir"):
        name = args.get("file") or args.get("_raw_params")
        if not name:
            raise _failed("Could not find file: file, dir or the name of a file is required")
        yield _find(str(name).strip(), action)
        return
    folder = _find(str(args["dir"]), action)
    if not folder.is_dir():
        raise _failed(f"{folder} is not a directory")
    depth = _converted(args, "depth")
    extensions = {
        f".{str(each).lstrip('.')}" if each else "" for each in _converted(args, "extensions")
    }
    ignored = [_pattern("ignore_files", each) for each in _converted(args, "ignore_files")]
    matching = _pattern("files_matching", args.get("files_matching") or "")
    skip_unknown = _converted(args, "ignore_unknown_extensions")
    for path in _every_file(folder, depth):
        if any(each.search(path.name) for each in ignored) or not matching.search(path.name):
            continue
        if path.suffix in extensions:
            yield path
        elif not skip_unknown and not args.get("files_matching"):
            raise _failed(
                f"{path} does not have a valid extension: {', '.join(sorted(extensions))}"
            )


def _converted(args: Mapping[str, Any], name: str) -> Any:
    spec = ARGUMENTS[name]
    value = args.get(name)
    try:
        return convert(spec["default"] if value is None else value, spec["type"])
    except ValueError as error:
        raise _failed(f"{name} of include_vars: {error}") from error


def _pattern(name: str, written: Any) -> re.Pattern[str]:
    try:
        return re.compile(str(written))
    except re.error as error:
        raise _failed(f"{name} of include_vars: {written!r} is no pattern: {error}") from error


def _find(name: str, action: ActionContext) -> Path:
    try:
        return action.find_file("vars", name)
    except ActionFailed as error:
        raise _failed(str(error)) from error


def _every_file(folder: Path, depth: int) -> Iterator[Path]:
    """In alphabetical order, at most ``depth`` levels deep; links to folders are followed."""
    seen: set[Path] = set()
    for place, folders, names in os.walk(folder, followlinks=True):
        here = Path(place)
        level = len(here.relative_to(folder).parts) + 1
        folders.sort()
        if here.resolve() in seen or (depth and level >= depth):
            # A link to a folder above would never end.
            folders.clear()
        if here.resolve() not in seen and not (depth and level > depth):
            yield from sorted(here / name for name in names)
        seen.add(here.resolve())


def _merge(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    merged = Map(below)
    for key, value in above.items():
        old = merged.get(key)
        both = isinstance(old, Mapping) and isinstance(value, Mapping)
        merged[key] = _merge(old, value) if both else value  # type: ignore[arg-type]
    return merged

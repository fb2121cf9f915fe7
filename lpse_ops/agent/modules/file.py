"""The ``file`` module: files, directories and links, and who may do what with them.

Runs on the managed host: standard library and ``lpse_ops.agent`` only, Python 3.6.
"""

import contextlib
import grp
import os
import pwd
import shutil
from typing import Any, Callable, Dict, List

from lpse_ops.agent.context import Context, Failed
from lpse_ops.agent.fileattributes import FILE_ARGUMENTS, apply_file_arguments
from lpse_ops.agent.files import describe, kind_of
from lpse_ops.agent.folders import apply_below, make_folders
from lpse_ops.agent.links import make_hard_link, make_link
from lpse_ops.agent.timestamps import Times, apply_times, parse_times

ARGUMENTS: Dict[str, Dict[str, Any]] = dict(
    FILE_ARGUMENTS,
    state={
        "type": "str",
        "choices": ["absent", "directory", "file", "hard", "link", "touch"],
    },
    path={"type": "path", "required": True, "aliases": ["dest", "name"]},
    _original_basename={"type": "str"},
    recurse={"type": "bool", "default": False},
    force={"type": "bool", "default": False},
    # Below a folder links are followed only if the task says so; elsewhere it is the default.
    follow={"type": "bool"},
    _diff_peek={"type": "bool"},
    src={"type": "path"},
    modification_time={"type": "str"},
    modification_time_format={"type": "str", "default": "%Y%m%d%H%M.%S"},
    access_time={"type": "str"},
    access_time_format={"type": "str", "default": "%Y%m%d%H%M.%S"},
)
CHECK_MODE = "full"
TIDY = True

Result = Dict[str, Any]


def run(args: Dict[str, Any], context: Context) -> Result:
    """Bring the path to the wanted state."""
    follow = args["follow"]
    args = dict(args, follow=follow is not False, follow_below=bool(follow))
    args["path"] = _path_inside(args)
    state = args["state"] or _usual_state(args)
    if args["recurse"] and state != "directory":
        raise _failed("recurse option requires state to be 'directory'", args["path"])
    if args["src"] and state not in ("link", "hard"):
        raise _failed("src option requires state to be 'link' or 'hard'", args["path"])
    warnings = _unknown_accounts(args) if context.check_mode and state != "absent" else []
    try:
        result = _STATES[state](args, context)
    except Failed as failed:
        if warnings:
            failed.result["warnings"] = warnings
        raise
    if warnings:
        result["warnings"] = warnings + result.get("warnings", [])
    if not context.diff_mode:
        result.pop("diff", None)
    return dict(result, **describe(result["path"] if "path" in result else result["dest"]))


def starting_diff(path: str, wanted: str, before: str) -> Dict[str, Any]:
    """The two sides of a diff, with the states where they differ."""
    diff: Dict[str, Dict[str, Any]] = {"before": {"path": path}, "after": {"path": path}}
    if before != wanted:
        diff["before"]["state"] = before
        diff["after"]["state"] = wanted
        if wanted == "absent" and before == "directory":
            diff["before"]["path_content"] = _content_of(path)
    return diff


def _content_of(folder: str) -> Dict[str, List[str]]:
    directories: List[str] = []
    files: List[str] = []
    for root, names_of_folders, names in os.walk(folder):
        directories += [os.path.join(root, name) for name in names_of_folders]
        files += [os.path.join(root, name) for name in names]
    return {"directories": directories, "files": files}


def _unknown_accounts(args: Dict[str, Any]) -> List[str]:
    """Warnings of accounts that are not there: in check mode nobody could have made them."""
    looked_up = (
        ("user", "uid", args["owner"], pwd.getpwnam, pwd.getpwuid),
        ("group", "gid", args["group"], grp.getgrnam, grp.getgrgid),
    )
    warnings: List[str] = []
    for kind, number_kind, name, by_name, by_number in looked_up:
        if name is None:
            continue
        try:
            by_number(int(name)) if name.isdigit() else by_name(name)
        except KeyError:
            called = f"{kind} with {number_kind} {name}" if name.isdigit() else f"{kind} {name}"
            warnings.append(f"failed to look up {called}. Create it before this task runs")
    return warnings


def _path_inside(args: Dict[str, Any]) -> str:
    """A directory given where a file is meant stands for the file of that name in it."""
    path: str = args["path"]
    if args["state"] in ("link", "absent") or not os.path.isdir(path):
        return path
    name = args["_original_basename"] or (args["src"] and os.path.basename(args["src"]))
    return os.path.join(path, name) if name else path


def _usual_state(args: Dict[str, Any]) -> str:
    kind = kind_of(args["path"])
    if kind != "absent":
        return kind
    return "directory" if args["recurse"] else "file"


def _followed(args: Dict[str, Any]) -> str:
    path: str = args["path"]
    return os.path.realpath(path) if args["follow"] and os.path.islink(path) else path


def _ensure_attributes(args: Dict[str, Any], context: Context) -> Result:
    times = parse_times(args, usual="preserve")
    path = args["path"] if kind_of(args["path"]) == "file" else _followed(args)
    kind = kind_of(path)
    if kind not in ("file", "hard"):
        message = f"file ({path}) is {kind}, cannot continue"
        raise Failed(message, **dict(describe(path), path=path, state=kind))
    diff = starting_diff(path, "file", kind)
    changed = _apply(path, args, context, times, diff)
    return {"path": path, "changed": changed, "diff": diff}


def _apply(
    path: str, args: Dict[str, Any], context: Context, times: Times, diff: Dict[str, Any]
) -> bool:
    changed = apply_file_arguments(path, args, context, diff=diff)
    return apply_times(path, times, context, diff) or changed


def _ensure_directory(args: Dict[str, Any], context: Context) -> Result:
    times = parse_times(args, usual="preserve")
    path = _followed(args)
    kind = kind_of(path)
    diff = starting_diff(path, "directory", kind)
    if kind == "absent":
        if not context.check_mode:
            make_folders(path, args, context, diff)
            apply_times(path, times, context, diff)
        return {"path": path, "changed": True, "diff": diff}
    if kind != "directory":
        raise _failed(f"{path} already exists as a {kind}", path)
    changed = _apply(path, args, context, times, diff)
    if args["recurse"]:
        below = dict(args, follow=args["follow_below"])
        changed = apply_below(path, below, context, times) or changed
    return {"path": path, "changed": changed, "diff": diff}


def _touch(args: Dict[str, Any], context: Context) -> Result:
    times = parse_times(args, usual="now")
    path = _followed(args)
    kind = kind_of(path)
    if kind == "absent" and context.check_mode:
        return {"dest": path, "changed": True}
    if kind == "absent":
        try:
            open(path, "wb").close()
        except OSError as error:
            raise _failed(f"Error, could not touch target: {error}", path) from error
    diff = starting_diff(path, "touch", kind)
    try:
        changed = _apply(path, args, context, times, diff)
    except Failed:
        # A file that was not there is not left behind half made.
        if kind == "absent":
            with contextlib.suppress(OSError):
                os.unlink(path)
        raise
    return {"dest": path, "changed": changed or kind == "absent", "diff": diff}


def _remove(args: Dict[str, Any], context: Context) -> Result:
    path = args["path"]
    kind = kind_of(path)
    result = {"path": path, "changed": kind != "absent", "state": "absent"}
    if kind == "absent":
        return result
    if context.diff_mode:
        result["diff"] = starting_diff(path, "absent", kind)
    if not context.check_mode:
        try:
            shutil.rmtree(path) if kind == "directory" else os.unlink(path)
        except FileNotFoundError:
            return result
        except OSError as error:
            verb = "rmtree" if kind == "directory" else "unlinking"
            raise _failed(f"{verb} failed: {error}", path) from error
    return result


def _link(args: Dict[str, Any], context: Context) -> Result:
    return _linked(args, context, "link", make_link)


def _hard_link(args: Dict[str, Any], context: Context) -> Result:
    return _linked(args, context, "hard", make_hard_link)


def _linked(
    args: Dict[str, Any],
    context: Context,
    state: str,
    make: Callable[[Dict[str, Any], Context, Dict[str, Any]], Dict[str, Any]],
) -> Result:
    times = parse_times(args, usual="preserve")
    path = args["path"]
    diff = starting_diff(path, state, kind_of(path))
    result = make(args, context, diff)
    if "diff" not in result or (context.check_mode and not os.path.exists(path)):
        return result
    target = _followed(args)
    if os.path.islink(path) and args["follow"] and not os.path.exists(target):
        advice = "Cannot set fs attributes on a non-existent symlink target. "
        result["warnings"] = [advice + "follow should be set to False to avoid this."]
        return result
    result["changed"] = _apply(target, args, context, times, diff) or result["changed"]
    return result


def _failed(message: str, path: str) -> Failed:
    return Failed(message, **dict(describe(path), path=path))


_STATES: Dict[str, Callable[[Dict[str, Any], Context], Result]] = {
    "file": _ensure_attributes,
    "directory": _ensure_directory,
    "touch": _touch,
    "absent": _remove,
    "link": _link,
    "hard": _hard_link,
}

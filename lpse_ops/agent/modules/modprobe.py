"""The ``modprobe`` module: a kernel module is loaded, or is not, now and after the next boot.

Runs on the managed host: standard library and ``lpse_ops.agent`` only, Python 3.6.
"""

import contextlib
import os
import platform
import shlex
from typing import Any, Callable, Dict, List, Optional

from lpse_ops.agent import kernelmodules as km
from lpse_ops.agent.commands import find_program, run_command
from lpse_ops.agent.context import Context, Failed
from lpse_ops.agent.replacing import write_atomically

ARGUMENTS: Dict[str, Dict[str, Any]] = {
    "name": {"type": "str", "required": True},
    "state": {"type": "str", "default": "present", "choices": ["absent", "present"]},
    "params": {"type": "str", "default": ""},
    "persistent": {
        "type": "str",
        "default": "disabled",
        "choices": ["disabled", "present", "absent"],
    },
}
CHECK_MODE = "full"

_LOAD_FOLDER = "/etc/modules-load.d"
_OPTIONS_FOLDER = "/etc/modprobe.d"
Edit = Callable[[List[str]], List[str]]


def run(args: Dict[str, Any], context: Context) -> Dict[str, Any]:
    """Load or unload the module, and see to what the next boot does."""
    result = {"changed": False, **{name: args[name] for name in ("name", "params", "state")}}
    if "/" in args["name"] or args["name"].startswith("-"):
        raise Failed("{name} is no name of a kernel module".format(**args), **result)
    if _is_loaded(args["name"]) != (args["state"] == "present"):
        result.update(_change_now(args, context, result))
    changed = _change_boot(args, context)
    return dict(result, changed=result["changed"] or changed)


def _change_now(args: Dict[str, Any], context: Context, result: Dict[str, Any]) -> Dict[str, Any]:
    program = find_program("modprobe")
    if program is None:
        raise Failed('Failed to find required executable "modprobe"', **result)
    name, params = args["name"], shlex.split(args["params"])
    what = [name, *params] if args["state"] == "present" else ["-r", name]
    only_say = ["-n"] if context.check_mode else []
    done = run_command([program, *only_say, *what])
    if done.rc != 0:
        raise Failed(
            done.stderr, **dict(result, rc=done.rc, stdout=done.stdout, stderr=done.stderr)
        )
    if args["state"] == "absent" or context.check_mode or _is_loaded(name):
        return {"changed": True}
    again = run_command([program, "-n", "--first-time", name, *params])
    return {"warnings": [again.stderr]} if again.rc != 0 else {}


def _change_boot(args: Dict[str, Any], context: Context) -> bool:
    """Edit the files that the next boot reads; return whether any of them changes."""
    name = args["name"]
    if args["persistent"] == "disabled":
        return False
    if args["persistent"] == "absent":
        edits = [
            _edit_all(_LOAD_FOLDER, lambda lines: km.without_loading(lines, name), context),
            _edit_all(_OPTIONS_FOLDER, lambda lines: km.without_options(lines, name), context),
        ]
        return any(edits)
    changed = False
    if not any(km.loads(line, name) for line in _every_line(_LOAD_FOLDER)):
        own = os.path.join(_LOAD_FOLDER, name + ".conf")
        changed = _edit(own, lambda lines: km.with_loading(lines, name), context)
    return _ensure_options(name, args["params"].split(), context) or changed


def _ensure_options(name: str, wanted: List[str], context: Context) -> bool:
    there = {each for line in _every_line(_OPTIONS_FOLDER) for each in km.options(line, name)}
    if there == set(wanted):
        return False
    _edit_all(_OPTIONS_FOLDER, lambda lines: km.without_options(lines, name), context)
    if wanted:
        own = os.path.join(_OPTIONS_FOLDER, name + ".conf")
        _edit(own, lambda lines: km.with_options(lines, name, wanted), context)
    return True


def _edit_all(folder: str, edit: Edit, context: Context) -> bool:
    changes = [_edit(path, edit, context) for path in _files(folder)]
    return any(changes)


def _edit(path: str, edit: Edit, context: Context) -> bool:
    before = (_read(path) or "").splitlines(True)
    after = edit(before)
    if after != before and not context.check_mode:
        with contextlib.suppress(FileExistsError):
            os.makedirs(os.path.dirname(path))
        write_atomically(path, "".join(after).encode("utf-8", "surrogateescape"))
    return after != before


def _every_line(folder: str) -> List[str]:
    return [line for path in _files(folder) for line in (_read(path) or "").splitlines(True)]


def _files(folder: str) -> List[str]:
    names = sorted(os.listdir(folder)) if os.path.isdir(folder) else []
    return [path for path in (os.path.join(folder, name) for name in names) if os.path.isfile(path)]


def _is_loaded(name: str) -> bool:
    builtin = f"/lib/modules/{platform.release()}/modules.builtin"
    return km.is_loaded(name, _read("/proc/modules"), _read(builtin))


def _read(path: str) -> Optional[str]:
    """What a file says; None if there is none: a kernel without modules has no list of them."""
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            return file.read()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise Failed(f"cannot read {path}: {error.strerror}") from error

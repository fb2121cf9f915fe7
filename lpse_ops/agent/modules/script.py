"""The host's part of the ``script`` module: take a script, run it, leave nothing behind.

The controller finds the file, sends its content along, and gives ``_name`` (how the file is
called) and ``_arguments`` (the rest of the line, for the shell as it is).
"""

import os
import shlex
from typing import Any, Dict, Optional

from lpse_ops.agent.commands import run_command, usable_folder, with_usable_locale
from lpse_ops.agent.context import Context, Failed
from lpse_ops.agent.modules.command import find_needless
from lpse_ops.agent.modules.raw import report
from lpse_ops.agent.temporary import is_noexec

ARGUMENTS: Dict[str, Dict[str, Any]] = {
    "_raw_params": {"type": "str"},
    "cmd": {"type": "str"},
    "creates": {"type": "str"},
    "removes": {"type": "str"},
    "chdir": {"type": "str"},
    "executable": {"type": "str"},
    "_name": {"type": "str"},
    "_arguments": {"type": "str", "default": ""},
}
RULES: Dict[str, Any] = {
    "required_one_of": [["_raw_params", "cmd"]],
    "mutually_exclusive": [["_raw_params", "cmd"]],
}
FREE_FORM = "_raw_params"
CHECK_MODE = "full"


def run(args: Dict[str, Any], context: Context) -> Dict[str, Any]:
    """Run the script unless ``creates``, ``removes`` or check mode say otherwise."""
    folder = os.path.expanduser(args["chdir"]) if args["chdir"] else usable_folder()
    creates, removes = (_expand(args[name]) for name in ("creates", "removes"))
    needless = find_needless(creates, removes, folder)
    if needless:
        option = "creates" if needless.reason == "exists" else "removes"
        return {"skipped": True, "msg": "{} {}, matching {} option".format(*needless, option)}
    if context.check_mode:
        if creates or removes:
            return {"changed": True}
        return {"skipped": True, "msg": "Check mode is not supported for this task."}
    path = _store(args["_name"] or "script", context)
    runs = not is_noexec(os.path.dirname(path))
    line = plan_line(
        path, args["_arguments"], args["executable"] or choose_interpreter(path, runs=runs)
    )
    return _run(line, folder)


def plan_line(path: str, arguments: str, interpreter: str) -> str:
    """Return the line for the shell; the interpreter may have options of its own."""
    words = [interpreter, shlex.quote(path), arguments]
    return " ".join(word for word in words if word)


def parse_interpreter(first_line: bytes) -> str:
    """Return what stands behind ``#!``; a script without it is for the shell."""
    if not first_line.startswith(b"#!"):
        return "/bin/sh"
    return first_line[2:].decode("utf-8", "surrogateescape").strip()


def choose_interpreter(path: str, *, runs: bool) -> str:
    """Name the interpreter where the kernel may not run a file itself; empty where it may."""
    if runs:
        return ""
    with open(path, "rb") as stream:
        return parse_interpreter(stream.readline(1024))


def _store(name: str, context: Context) -> str:
    if context.incoming is None:
        raise Failed("the controller sent no script")
    path = os.path.join(context.temporary_folder(), os.path.basename(name))
    with open(path, "wb") as stream:
        context.incoming.copy_to(stream)
    os.chmod(path, 0o700)
    return path


def _run(line: str, folder: Optional[str]) -> Dict[str, Any]:
    try:
        finished = run_command(
            line, shell=True, cwd=folder, environment=with_usable_locale(os.environ)
        )
    except OSError as error:
        raise Failed(
            f"Unable to change directory before execution: {error}", changed=True
        ) from error
    return report(finished)


def _expand(path: Any) -> Any:
    return os.path.expanduser(path) if path else path

"""The ``command`` module: run a program without a shell; ``shell`` shares its steps."""

import datetime
import glob
import os
import shlex
from typing import Any, Dict, List, NamedTuple, Optional, Union

from lpse_ops.agent.commands import run_command, usable_folder, with_usable_locale
from lpse_ops.agent.context import Context, Failed

ARGUMENTS: Dict[str, Dict[str, Any]] = {
    "_raw_params": {"type": "str"},
    "_uses_shell": {"type": "bool", "default": False},
    "cmd": {"type": "str"},
    "argv": {"type": "list", "elements": "str"},
    "chdir": {"type": "path"},
    "executable": {"type": "str"},
    "expand_argument_vars": {"type": "bool", "default": True},
    "creates": {"type": "path"},
    "removes": {"type": "path"},
    "stdin": {"type": "str"},
    "stdin_add_newline": {"type": "bool", "default": True},
    "strip_empty_ends": {"type": "bool", "default": True},
}
RULES: Dict[str, Any] = {
    "required_one_of": [["_raw_params", "cmd", "argv"]],
    "mutually_exclusive": [["_raw_params", "cmd", "argv"]],
}
FREE_FORM = "_raw_params"
CHECK_MODE = "full"

# A text is for a shell, words are not.
Command = Union[str, List[str]]


class Needless(NamedTuple):
    """Why a command has not to be run: a pattern of names and what is the matter with it."""

    pattern: str
    reason: str


def run(args: Dict[str, Any], context: Context) -> Dict[str, Any]:
    """Run the command unless ``creates``, ``removes`` or check mode say otherwise."""
    shell = args["_uses_shell"]
    result = perform(plan_command(args, shell=shell), args, context)
    if args["executable"] and not shell:
        text = "As of Ansible 2.4, the parameter 'executable' is no longer supported with the "
        result["warnings"] = [text + "'command' module. Not using '{executable}'.".format(**args)]
    return result


def perform(command: Command, args: Dict[str, Any], context: Context) -> Dict[str, Any]:
    """Run what was planned, or say why not."""
    folder = _existing_folder(args["chdir"], command)
    needless = find_needless(args["creates"], args["removes"], folder)
    if needless:
        text = "{} not run command since '{}' {}"
        msg = text.format("Would" if context.check_mode else "Did", *needless)
        return dict(_answer(command, msg), stdout="skipped, since {} {}".format(*needless))
    if context.check_mode:
        answer = _answer(command, "Command would have run if not in check mode")
        is_decided = args["creates"] is not None or args["removes"] is not None
        answer.update({"changed": True} if is_decided else {"skipped": True})
        return answer
    return _run(command, args, folder)


def plan_command(args: Dict[str, Any], *, shell: bool) -> Command:
    """Return what to run: a text for a shell, otherwise a list of words."""
    text = args["_raw_params"] or args["cmd"] or ""
    words = args["argv"] or ([] if shell else shlex.split(text))
    command: Command = (text or " ".join(map(shlex.quote, words))) if shell else words
    if not command:
        raise Failed("no command given", rc=256, cmd=None)
    return command


def find_needless(
    creates: Optional[str], removes: Optional[str], folder: Optional[str]
) -> Optional[Needless]:
    """Look from ``folder`` for what the command would create or remove."""
    folder = folder or ""
    if creates and not glob.glob(os.path.join(folder, creates)):
        creates = None
    if creates:
        return Needless(creates, "exists")
    if removes and not glob.glob(os.path.join(folder, removes)):
        return Needless(removes, "does not exist")
    return None


def expand(word: str) -> str:
    """Fill in variables of the environment and a leading ``~``."""
    return os.path.expanduser(os.path.expandvars(word))


def prepare_stdin(text: Optional[str], *, add_newline: bool) -> Optional[str]:
    """The command's input with one more line end, unless that is not wanted."""
    return text if text is None or not add_newline else text + "\n"


def _existing_folder(chdir: Optional[str], command: Command) -> Optional[str]:
    if not chdir:
        return usable_folder()
    folder = os.path.abspath(chdir)
    if not os.path.isdir(folder) or not os.access(folder, os.X_OK):
        answer = _answer(command, "Unable to change directory before execution.")
        answer["rc"] = None
        raise Failed(answer.pop("msg"), **answer)
    return folder


def _answer(command: Command, msg: str) -> Dict[str, Any]:
    """All keys of a result, as they are as long as nothing was run."""
    answer: Dict[str, Any] = {"cmd": command, "msg": msg, "changed": False, "rc": 0}
    answer.update(stdout="", stderr="", start=None, end=None, delta=None)
    return answer


def _run(command: Command, args: Dict[str, Any], folder: Optional[str]) -> Dict[str, Any]:
    is_text = isinstance(command, str)
    expands = args["expand_argument_vars"] and not is_text
    start = datetime.datetime.now()
    try:
        finished = run_command(
            [expand(word) for word in command] if expands else command,
            shell=is_text,
            executable=args["executable"] if is_text else None,
            cwd=folder,
            environment=with_usable_locale(os.environ),
            stdin=prepare_stdin(args["stdin"], add_newline=args["stdin_add_newline"]),
        )
    except (OSError, ValueError) as error:
        raise _cannot_run(command, error) from error
    end = datetime.datetime.now()
    result = _answer(command, "" if finished.rc == 0 else "non-zero return code")
    result.update(changed=True, rc=finished.rc, failed=finished.rc != 0)
    result.update(start=str(start), end=str(end), delta=str(end - start))
    for key, text in (("stdout", finished.stdout), ("stderr", finished.stderr)):
        result[key] = text.rstrip("\r\n") if args["strip_empty_ends"] else text
    return result


def _cannot_run(command: Command, error: Exception) -> Failed:
    text = command if isinstance(command, str) else " ".join(map(shlex.quote, command))
    rc = getattr(error, "errno", None) or 257
    msg = f"Error executing command: {error}"
    return Failed(msg, cmd=text, rc=rc, stdout="", stderr="")

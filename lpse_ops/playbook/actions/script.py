"""The controller's part of ``script``: finds the script and sends it along with the request."""

import shlex
from collections.abc import Mapping
from typing import Any

from lpse_ops.agent.modules import script as script_module
from lpse_ops.playbook.actions.context import ActionContext, ActionFailed, Result
from lpse_ops.playbook.actions.sending import Request, checked, file_piece, flag, perform

ARGUMENTS: dict[str, dict[str, Any]] = {
    **script_module.ARGUMENTS,
    "decrypt": {"type": "bool", "default": True},
}
RULES = script_module.RULES
FREE_FORM = "_raw_params"


def run(args: Mapping[str, Any], action: ActionContext) -> Result:
    """Run a script of the controller on the host, with the rest of the line as its arguments."""
    return perform(plan(args, action), action)


def plan(args: Mapping[str, Any], action: ActionContext) -> Request:
    """The request that ``run`` makes."""
    args = checked(ARGUMENTS, args, rules=RULES)
    name, arguments = split_line(str(args.get("_raw_params") or args.get("cmd")).strip())
    path = action.find_file("files", name)
    if path.is_dir():
        raise ActionFailed(f"{path} is a folder, not a script")
    decrypt = flag(args, "decrypt", default=True)
    piece = file_piece(path, action, decrypt=decrypt, preserve=False)
    wanted = {name: value for name, value in args.items() if name != "decrypt"}
    wanted.update(_name=path.name, _arguments=arguments)
    return Request("script", wanted, piece.content)


def split_line(line: str) -> tuple[str, str]:
    """The first word, without quotes, and the rest as it is written."""
    try:
        words = shlex.split(line)
    except ValueError as error:
        raise ActionFailed(f"cannot read {line!r} as words: {error}") from error
    if not words:
        raise ActionFailed("no script given")
    ends = [index for index, char in enumerate(line) if char.isspace()]
    for end in [*ends, len(line)]:
        if _words_of(line[:end]) == words[:1]:
            return words[0], line[end:].strip()
    return words[0], ""


def _words_of(text: str) -> list[str] | None:
    try:
        return shlex.split(text)
    except ValueError:
        return None

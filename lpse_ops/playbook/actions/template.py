"""The controller's part of ``template``: renders a file here and sends it as ``copy`` does."""

import stat
from collections import ChainMap
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lpse_ops.agent.fileattributes import FILE_ARGUMENTS
from lpse_ops.agent.modes import octal
from lpse_ops.agent.placement import PLACE_ARGUMENTS
from lpse_ops.errors import OpsError
from lpse_ops.marked import Origin
from lpse_ops.playbook.actions.context import ActionContext, ActionFailed, Result
from lpse_ops.playbook.actions.sending import (
    Piece,
    Request,
    checked,
    flag,
    is_vault_file,
    perform,
    plan_piece,
    read_plain,
)
from lpse_ops.remote.content import content_of_bytes
from lpse_ops.templating.ownvariables import template_folders, template_variables

_SYNTAX = (
    "block_start_string",
    "block_end_string",
    "variable_start_string",
    "variable_end_string",
    "comment_start_string",
    "comment_end_string",
)

ARGUMENTS: dict[str, dict[str, Any]] = {
    **FILE_ARGUMENTS,
    **{name: spec for name, spec in PLACE_ARGUMENTS.items() if name != "directory_mode"},
    **{name: {"type": "str"} for name in _SYNTAX},
    "src": {"type": "str", "required": True},
    "newline_sequence": {
        "type": "str",
        "default": "\n",
        "choices": ["\n", "\r", "\r\n", "\\n", "\\r", "\\r\\n"],
    },
    "trim_blocks": {"type": "bool", "default": True},
    "lstrip_blocks": {"type": "bool", "default": False},
    "output_encoding": {"type": "str", "default": "utf-8"},
}

_NEWLINES = {"\\n": "\n", "\\r": "\r", "\\r\\n": "\r\n"}


def run(args: Mapping[str, Any], action: ActionContext) -> Result:
    """Render ``src`` and put it at ``dest``."""
    return perform(plan(args, action), action)


def plan(args: Mapping[str, Any], action: ActionContext) -> Request:
    """Render ``src``: the request that puts it at ``dest``."""
    if not args.get("src") or not args.get("dest"):
        raise ActionFailed("src and dest are required")
    args = checked(ARGUMENTS, args)
    path = action.find_file("templates", str(args["src"]))
    if path.is_dir():
        raise ActionFailed(f"{path} is a folder; a template must be a file")
    secret = is_vault_file(path)
    text = render_file(path, read_plain(path, action), args, action)
    encoding = str(args.get("output_encoding") or "utf-8")
    try:
        content = text.encode(encoding, "surrogateescape")
    except (LookupError, UnicodeEncodeError) as error:
        raise ActionFailed(f"cannot write {path} as {encoding}: {error}") from error
    mode = octal(stat.S_IMODE(path.stat().st_mode)) if args.get("mode") == "preserve" else None
    piece = Piece(content_of_bytes(content), str(path), str(path), secret, mode)
    return plan_piece(piece, args)


def render_file(path: Path, content: bytes, args: Mapping[str, Any], action: ActionContext) -> str:
    """The text that a template makes, with as many empty lines at its end as it has."""
    try:
        source = content.decode()
    except UnicodeDecodeError as error:
        raise ActionFailed(f"{path} is not UTF-8: {error}") from error
    newline = newline_sequence(args)
    syntax = {name: str(args[name]) for name in _SYNTAX if args.get(name) is not None}
    known, dest = action.variables, str(args["dest"])
    own = template_variables(str(args["src"]), path, known, dest=dest)
    try:
        text = action.templating.render(
            source,
            ChainMap(own, _read_only(known)),
            origin=Origin(str(path), 1, 1),
            folders=template_folders(path, known.get("ansible_search_path")),
            trim_blocks=flag(args, "trim_blocks", default=True),
            lstrip_blocks=flag(args, "lstrip_blocks", default=False),
            newline_sequence=newline,
            **syntax,
        )
    except OpsError as error:
        raise ActionFailed(error.message) from error
    missing = _final_newlines(source) - _final_newlines(text)
    return text + newline * max(missing, 0)


def newline_sequence(args: Mapping[str, Any]) -> str:
    """The line end to write: YAML may say it in two characters, or as itself."""
    value = str(args.get("newline_sequence") or "\n")
    newline = _NEWLINES.get(value, value)
    if newline not in _NEWLINES.values():
        raise ActionFailed(f"newline_sequence must be \\n, \\r or \\r\\n, not {value!r}")
    return newline


def _read_only(variables: Mapping[str, Any]) -> Any:
    # ChainMap writes into its first mapping only.
    return variables


def _final_newlines(text: str) -> int:
    return len(text) - len(text.rstrip("\n"))

"""The controller's part of ``uri``: finds the files to send, and sends them along."""

from collections.abc import Iterator, Mapping
from typing import Any

from lpse_ops.agent.modules import uri as uri_module
from lpse_ops.playbook.actions.context import ActionContext, ActionFailed, ActionSkipped, Result
from lpse_ops.playbook.actions.sending import Piece, Request, checked, file_piece, flag, perform
from lpse_ops.playbook.actions.sendingtree import joined

ARGUMENTS = uri_module.ARGUMENTS
RULES = uri_module.RULES
ASYNC = True


def run(args: Mapping[str, Any], action: ActionContext) -> Result:
    """Let the host make the request; files are the controller's unless ``remote_src`` is on."""
    return perform(plan(args, action), action)


def plan(args: Mapping[str, Any], action: ActionContext) -> Request:
    """The request that ``run`` makes of the host."""
    args = checked(ARGUMENTS, args, rules=RULES)
    if action.check_mode:
        raise ActionSkipped("This action (uri) does not support check mode.")
    if flag(args, "remote_src", default=False):
        return Request("uri", args, None)
    if args.get("src"):
        piece = _piece(str(args["src"]), action)
        return Request("uri", args, piece.content)
    if args.get("body_format") == "form-multipart":
        return _plan_form(args, action)
    return Request("uri", args, None)


def _plan_form(args: Mapping[str, Any], action: ActionContext) -> Request:
    body = args.get("body")
    if not isinstance(body, Mapping):
        raise ActionFailed(f"body must be mapping, cannot be type {type(body).__name__}")
    files = {field: _piece(name, action) for field, name in _files(body)}
    if not files:
        return Request("uri", args, None)
    sent = [
        {
            "field": field,
            "size_bytes": piece.content.size_bytes,
            "checksum": piece.content.known_checksum(),
        }
        for field, piece in files.items()
    ]
    return Request("uri", {**args, "_sent": sent}, joined(list(files.values())))


def _files(body: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Fields whose content is a file, and the name of that file."""
    for field, value in body.items():
        if isinstance(value, Mapping) and value.get("filename") and not value.get("content"):
            yield field, str(value["filename"])


def _piece(name: str, action: ActionContext) -> Piece:
    return file_piece(action.find_file("files", name), action, decrypt=False, preserve=False)

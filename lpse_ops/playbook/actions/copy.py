"""The controller's part of ``copy``: finds the file or folder, and sends what differs."""

from collections.abc import Mapping
from typing import Any

from lpse_ops.agent.modules import copy as copy_module
from lpse_ops.playbook.actions.context import ActionContext, ActionFailed, Result
from lpse_ops.playbook.actions.sending import (
    Piece,
    Request,
    checked,
    file_piece,
    flag,
    perform,
    plan_piece,
    text_of_content,
)
from lpse_ops.playbook.actions.sendingtree import (
    LocalFolder,
    plan_at_once,
    read_folder,
    send_folder,
)
from lpse_ops.remote.content import content_of_bytes

ARGUMENTS = copy_module.ARGUMENTS


def run(args: Mapping[str, Any], action: ActionContext) -> Result:
    """Copy ``src`` or ``content`` to ``dest``; with ``remote_src`` the host does it alone."""
    planned = _plan(args, action)
    return (
        send_folder(planned, action)
        if isinstance(planned, LocalFolder)
        else perform(planned, action)
    )


def plan(args: Mapping[str, Any], action: ActionContext) -> Request | None:
    """The one request that ``run`` would make; None if it needs the answer for a second one."""
    planned = _plan(args, action)
    if isinstance(planned, LocalFolder):
        return plan_at_once(planned, check_mode=action.check_mode)
    return planned


def _plan(args: Mapping[str, Any], action: ActionContext) -> Request | LocalFolder:
    _check(args)
    args = checked(ARGUMENTS, args)
    if args.get("content") is not None:
        content = text_of_content(args["content"]).encode("utf-8", "surrogateescape")
        # Ansible preserves the mode of its temporary file.
        mode = "0600" if args.get("mode") == "preserve" else None
        return plan_piece(Piece(content_of_bytes(content), None, mode=mode), args)
    if flag(args, "remote_src", default=False):
        return Request("copy", args, None)
    src = str(args["src"])
    path = action.find_file("files", src)
    if path.is_dir():
        return read_folder(path, args, action, itself=not src.endswith("/"))
    decrypt = flag(args, "decrypt", default=True)
    preserve = args.get("mode") == "preserve"
    return plan_piece(file_piece(path, action, decrypt=decrypt, preserve=preserve), args)


def _check(args: Mapping[str, Any]) -> None:
    has_content = args.get("content") is not None
    if not args.get("src") and not has_content:
        raise ActionFailed("src (or content) is required")
    if not args.get("dest"):
        raise ActionFailed("dest is required")
    if args.get("src") and has_content:
        raise ActionFailed("src and content are mutually exclusive")
    if has_content and str(args["dest"]).endswith("/"):
        raise ActionFailed("can not use content with a dir as dest")

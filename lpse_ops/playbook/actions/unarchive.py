"""The controller's part of ``unarchive``: finds the archive and sends it along."""

from collections.abc import Mapping
from typing import Any

from lpse_ops.agent.httprequest import mask_url
from lpse_ops.agent.modules import unarchive as unarchive_module
from lpse_ops.playbook.actions.context import ActionContext, ActionFailed, Result
from lpse_ops.playbook.actions.sending import Request, checked, file_piece, flag, perform

ARGUMENTS = unarchive_module.ARGUMENTS
RULES = unarchive_module.RULES


def run(args: Mapping[str, Any], action: ActionContext) -> Result:
    """Unpack ``src`` in ``dest``; with ``remote_src`` the host does it alone."""
    return perform(plan(args, action), action)


def plan(args: Mapping[str, Any], action: ActionContext) -> Request:
    """The request that ``run`` makes."""
    if not args.get("src") or not args.get("dest"):
        raise ActionFailed("src (or content) and dest are required")
    if args.get("copy") is not None and args.get("remote_src") is not None:
        raise ActionFailed("parameters are mutually exclusive: ('copy', 'remote_src')")
    args = checked(ARGUMENTS, args, rules=RULES)
    src = str(args["src"])
    if flag(args, "remote_src", default=False) or not flag(args, "copy", default=True):
        return Request("unarchive", args, None)
    if "://" in src:
        raise ActionFailed(
            f"Unsupported option, an URI src ({mask_url(src)}) is only supported when "
            "remote_src is True"
        )
    path = action.find_file("files", src)
    if path.is_dir():
        raise ActionFailed(f"{path} is a folder, not an archive")
    decrypt = flag(args, "decrypt", default=True)
    piece = file_piece(path, action, decrypt=decrypt, preserve=False)
    return Request("unarchive", {**args, "src": str(path)}, piece.content)

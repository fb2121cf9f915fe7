"""The controller's part of ``assemble``: joins the fragments of a folder here, if it is here."""

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from lpse_ops.agent.fragments import FragmentProblem, assemble
from lpse_ops.agent.modules import assemble as assemble_module
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
    reading,
)
from lpse_ops.remote.content import content_of_bytes

ARGUMENTS = assemble_module.ARGUMENTS


def run(args: Mapping[str, Any], action: ActionContext) -> Result:
    """Join fragments into ``dest``; those of the host are joined there."""
    return perform(plan(args, action), action)


def plan(args: Mapping[str, Any], action: ActionContext) -> Request:
    """The request that ``run`` makes."""
    if not args.get("src") or not args.get("dest"):
        raise ActionFailed("src and dest are required")
    args = checked(ARGUMENTS, args)
    if flag(args, "remote_src", default=True):
        return Request("assemble", args, None)
    folder = action.find_file("files", str(args["src"]))
    if not folder.is_dir():
        raise ActionFailed(f"Source ({folder}) is not a directory")
    piece = _assembled(folder, args, action)
    request = plan_piece(piece, args)
    return replace(request, finish=lambda answer: _shaped(request.finish(answer), piece, args))


def _shaped(result: Result, piece: Piece, args: Mapping[str, Any]) -> Result:
    """``copy``'s result as ``assemble`` words it: one diff, and both checksums always."""
    diff = result.get("diff")
    if isinstance(diff, list):
        result["diff"] = diff[0] if diff else {}
    if result.get("failed"):
        return result
    with piece.content.open() as file:
        md5 = hashlib.md5(file.read(), usedforsecurity=False).hexdigest()
    known = {"checksum": piece.content.checksum, "md5sum": md5, "dest": args["dest"]}
    return {**known, **{key: value for key, value in result.items() if key != "path"}}


def _assembled(folder: Path, args: Mapping[str, Any], action: ActionContext) -> Piece:
    decrypt = flag(args, "decrypt", default=True)
    chosen = {
        "delimiter": args.get("delimiter"),
        "regexp": args.get("regexp"),
        "ignore_hidden": flag(args, "ignore_hidden", default=False),
    }
    opened: list[str] = []

    def read(path: str) -> bytes:
        if decrypt and is_vault_file(Path(path)):
            opened.append(path)
            return read_plain(Path(path), action)
        return Path(path).read_bytes()

    parts: list[bytes] = []
    try:
        with reading(folder):
            assemble(str(folder), chosen, parts.append, read)
    except FragmentProblem as problem:
        raise ActionFailed(str(problem)) from problem
    return Piece(content_of_bytes(b"".join(parts)), str(folder), str(folder), bool(opened))

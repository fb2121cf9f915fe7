"""The ``copy`` module: a file from the controller or from this host gets a place on this host.

Runs on the managed host: standard library and ``lpse_ops.agent`` only, Python 3.6.  Content of
the controller moves only if it differs; folders of the controller are ``copytree``.
"""

import os
import stat
from typing import Any, Dict

from lpse_ops.agent import placement
from lpse_ops.agent.contentdiff import before_of
from lpse_ops.agent.context import Context, Failed, Incoming
from lpse_ops.agent.fileattributes import FILE_ARGUMENTS, apply_file_arguments
from lpse_ops.agent.files import md5_of, real_target
from lpse_ops.agent.modes import octal
from lpse_ops.agent.treecopy import copy_folder

ARGUMENTS: Dict[str, Dict[str, Any]] = dict(
    dict(FILE_ARGUMENTS, **placement.PLACE_ARGUMENTS),
    src={"type": "path"},
    _original_basename={"type": "str"},
    content={"type": "str", "no_log": True},
    remote_src={"type": "bool"},
    local_follow={"type": "bool"},
    checksum={"type": "str"},
    decrypt={"type": "bool", "default": True},
)
CHECK_MODE = "full"
TIDY = True


def run(args: Dict[str, Any], context: Context) -> Dict[str, Any]:
    """Put the file or folder in its place."""
    if context.incoming is not None:
        return _from_controller(context.incoming, args, context)
    if not args["src"]:
        raise Failed("src is required")
    if args["mode"] == "preserve" and os.path.exists(args["src"]):
        args = {**args, "mode": octal(stat.S_IMODE(os.stat(args["src"]).st_mode))}
    if os.path.isdir(args["src"]):
        return _foretell_folder(args, context) or copy_folder(args, context)
    return _from_host(args, context)


def _from_controller(incoming: Incoming, args: Dict[str, Any], context: Context) -> Dict[str, Any]:
    """``src`` is only what the result calls the content; without it there is no file."""
    source = placement.incoming_source(incoming, args["src"])
    if args["src"] is None and os.path.isdir(args["dest"]):
        raise Failed("can not use content with a dir as dest", diff=[])
    asked = placement.inside(
        args["dest"], args["_original_basename"] or os.path.basename(args["src"] or "")
    )
    path = real_target(asked, args)
    if os.path.lexists(path) and not args["force"]:
        return {"dest": args["dest"], "src": source.name, "changed": False}
    if placement.is_placed(source, path):
        return _keep(source, path, args, context)
    known: Dict[str, Any] = {"diff": [before_of(path, asked)] if context.diff_mode else []}
    if context.check_mode:
        return dict(known, changed=True)
    known["checksum"] = source.checksum
    try:
        return dict(known, **_write(source, path, args, context))
    except Failed as failed:
        failed.result = dict(known, **failed.result)
        raise


def _keep(
    source: placement.Source, path: str, args: Dict[str, Any], context: Context
) -> Dict[str, Any]:
    diff: Dict[str, Any] = {"before": {"path": path}, "after": {"path": path}}
    changed = apply_file_arguments(path, args, context, diff=diff)
    result = {"path": path, "dest": path, "checksum": source.checksum, "changed": changed}
    return placement.with_description(dict(result, diff=diff if context.diff_mode else []))


def _write(
    source: placement.Source, path: str, args: Dict[str, Any], context: Context
) -> Dict[str, Any]:
    if args["dest"].endswith("/"):
        placement.make_parents(os.path.dirname(path), args, context)
    result = dict(placement.place(source, path, args), dest=path, src=source.name, changed=True)
    apply_file_arguments(path, args, context)
    return placement.with_description(result)


def _from_host(args: Dict[str, Any], context: Context) -> Dict[str, Any]:
    source = placement.file_source(args["src"], args["src"])
    placement.refuse_wrong_checksum(args["checksum"], source.checksum)
    dest = placement.inside(
        args["dest"], args["_original_basename"] or os.path.basename(args["src"])
    )
    foretold = _foretell_folder(args, context)
    if foretold:
        return foretold
    if args["dest"].endswith("/"):
        placement.make_parents(os.path.dirname(dest), args, context)
    path = real_target(dest, args)
    if os.path.exists(path) and not args["force"]:
        kept = {"msg": "file already exists", "src": source.name, "changed": False}
        return placement.with_description({**kept, "dest": path})
    placement.refuse_bad_place(path)
    return _place_from_host(source, path, args, context)


def _foretell_folder(args: Dict[str, Any], context: Context) -> Dict[str, Any]:
    """In check mode, all that can be said while the folder to copy into is not there; or empty."""
    folder = os.path.dirname(args["dest"])
    if not context.check_mode or not args["dest"].endswith("/") or os.path.exists(folder):
        return {}
    message = f"dest directory {folder} would be created"
    return {"changed": True, "msg": message, "src": args["src"]}


def _place_from_host(
    source: placement.Source, path: str, args: Dict[str, Any], context: Context
) -> Dict[str, Any]:
    changed = not placement.is_placed(source, path)
    result: Dict[str, Any] = {"dest": path, "src": source.name, "checksum": source.checksum}
    result["md5sum"] = md5_of(args["src"])
    if changed and not context.check_mode:
        mode = args["mode"]
        if mode is None and os.path.lexists(path):
            mode = stat.S_IMODE(os.stat(args["src"]).st_mode)
        result.update(placement.place(source, path, {**args, "mode": mode}, keeps=False))
    result["changed"] = apply_file_arguments(path, args, context, changed)
    return placement.with_description(result)

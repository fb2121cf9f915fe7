"""A folder of the controller put on this host: what ``copy`` does with a folder, in one request.

Runs on the managed host: standard library and ``lpse_ops.agent`` only, Python 3.6.  No task can
ask for it by name.  ``_entries`` is the whole folder; ``_sent`` are the numbers of the files whose
contents come along, one after the other.  Without ``_sent`` the answer to a folder that differs
is ``wanted``, the numbers of the files to send, and nothing was done.
"""

import os
from typing import Any, Dict, List, Optional

from lpse_ops.agent import placement
from lpse_ops.agent.contentdiff import before_of
from lpse_ops.agent.context import Context, Failed
from lpse_ops.agent.fileattributes import FILE_ARGUMENTS, apply_file_arguments
from lpse_ops.agent.files import real_target
from lpse_ops.agent.incomingparts import IncomingParts
from lpse_ops.agent.modules.file import ARGUMENTS as ATTRIBUTE_ARGUMENTS
from lpse_ops.agent.modules.file import run as ensure_state

ARGUMENTS: Dict[str, Dict[str, Any]] = dict(
    dict(FILE_ARGUMENTS, **placement.PLACE_ARGUMENTS),
    _entries={"type": "list", "elements": "dict", "required": True},
    _sent={"type": "list", "elements": "int"},
    _compared={"type": "bool", "default": False},
)
CHECK_MODE = "full"

Entry = Dict[str, Any]


def run(args: Dict[str, Any], context: Context) -> Dict[str, Any]:
    """Put all files, folders and links of the manifest in their places."""
    files = [entry for entry in args["_entries"] if entry["kind"] == "file"]
    wanted = _differing(files, args)
    if args["_sent"] is None and wanted and not context.check_mode:
        return {"changed": False, "wanted": wanted}
    result = _place_files(files, wanted, args, context)
    for entry in args["_entries"]:
        if entry["kind"] != "file":
            done = ensure_state(_plain_arguments(entry, args), context)
            result["changed"] = done["changed"] or result["changed"]
    return result


def _differing(files: List[Entry], args: Dict[str, Any]) -> List[int]:
    if args["_compared"]:
        return list(args["_sent"])
    return [
        number
        for number, entry in enumerate(files)
        if not (_is_kept(entry, args) or placement.is_placed(_described(entry), _path(entry, args)))
    ]


def _is_kept(entry: Entry, args: Dict[str, Any]) -> bool:
    return not args["force"] and os.path.lexists(_path(entry, args))


def _path(entry: Entry, args: Dict[str, Any]) -> str:
    return real_target(os.path.normpath(os.path.join(args["dest"], entry["path"])), args)


def _described(entry: Entry) -> placement.Source:
    """A source that can be compared but not written."""
    return placement.Source(entry["source"], entry["size_bytes"], entry["checksum"], lambda _: None)


def _place_files(
    files: List[Entry], wanted: List[int], args: Dict[str, Any], context: Context
) -> Dict[str, Any]:
    result: Dict[str, Any] = {"changed": False, "files": [], "diffs": {}}
    parts = _open_parts(files, args, context)
    try:
        for number, entry in enumerate(files):
            if context.diff_mode and number in wanted:
                result["diffs"][str(number)] = before_of(_path(entry, args))
            done = _place_file(entry, number in wanted, parts, args, context)
            if parts and number in args["_sent"]:
                parts.skip_rest()
            result["changed"] = done["changed"] or result["changed"]
            # Only the result of a single file is ever shown.
            result["files"] = [done] if len(files) == 1 else []
    finally:
        if parts:
            parts.close()
    return result


def _open_parts(
    files: List[Entry], args: Dict[str, Any], context: Context
) -> Optional[IncomingParts]:
    if context.incoming is None or context.check_mode:
        return None
    return IncomingParts(context.incoming, [files[each]["size_bytes"] for each in args["_sent"]])


def _place_file(
    entry: Entry,
    differs: bool,
    parts: Optional[IncomingParts],
    args: Dict[str, Any],
    context: Context,
) -> Dict[str, Any]:
    path = _path(entry, args)
    own = dict(args, mode=entry["mode"]) if entry.get("mode") else args
    if _is_kept(entry, args):
        return {"changed": False, "dest": path, "src": entry["source"]}
    if not differs:
        changed = apply_file_arguments(path, own, context)
        result = {"changed": changed, "path": path, "dest": path, "checksum": entry["checksum"]}
        return placement.with_description(result)
    if context.check_mode:
        return {"changed": True}
    if parts is None:
        raise Failed("the content of {} was not sent".format(entry["source"]))
    placement.make_parents(os.path.dirname(path), args, context)
    name, size, checksum = entry["source"], entry["size_bytes"], entry["checksum"]
    source = placement.Source(name, size, checksum, lambda file: parts.copy_next(file, checksum))
    result = dict(placement.place(source, path, own), dest=path, src=entry["source"], changed=True)
    apply_file_arguments(path, own, context)
    return placement.with_description(dict(result, checksum=entry["checksum"]))


def _plain_arguments(entry: Entry, args: Dict[str, Any]) -> Dict[str, Any]:
    """What the ``file`` module needs to make a folder or a link."""
    known = {name: args[name] for name in FILE_ARGUMENTS}
    defaults = {name: spec.get("default") for name, spec in ATTRIBUTE_ARGUMENTS.items()}
    wanted = dict(defaults, **known)
    wanted.update(path=os.path.normpath(os.path.join(args["dest"], entry["path"])))
    if entry["kind"] == "directory":
        return dict(wanted, state="directory", mode=args["directory_mode"])
    return dict(wanted, state="link", src=entry["target"], mode=None, force=True, follow=False)

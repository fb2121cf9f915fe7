"""The ``assemble`` module: one file made of all the fragments in a folder of this host.

Runs on the managed host: standard library and ``lpse_ops.agent`` only, Python 3.6.
"""

import os
from typing import Any, Dict

from lpse_ops.agent.context import Context, Failed
from lpse_ops.agent.fileattributes import FILE_ARGUMENTS, apply_file_arguments
from lpse_ops.agent.files import md5_of
from lpse_ops.agent.fragments import FragmentProblem, assemble
from lpse_ops.agent.placement import Source, file_source, is_placed, place, with_description
from lpse_ops.agent.replacing import backup, backup_name, line_failure, run_validation

ARGUMENTS: Dict[str, Dict[str, Any]] = dict(
    FILE_ARGUMENTS,
    src={"type": "path", "required": True},
    delimiter={"type": "str"},
    dest={"type": "path", "required": True},
    backup={"type": "bool", "default": False},
    remote_src={"type": "bool", "default": True},
    regexp={"type": "str"},
    ignore_hidden={"type": "bool", "default": False},
    validate={"type": "str"},
    decrypt={"type": "bool", "default": True},
)
CHECK_MODE = "full"


def run(args: Dict[str, Any], context: Context) -> Dict[str, Any]:
    """Join the fragments and put the whole in its place."""
    src, dest = args["src"], args["dest"]
    if not os.path.exists(src):
        raise Failed(f"Source ({src}) does not exist")
    if not os.path.isdir(src):
        raise Failed(f"Source ({src}) is not a directory")
    whole = os.path.join(context.temporary_folder(), "assembled")
    try:
        with open(whole, "wb") as file:
            assemble(src, args, file.write)
    except FragmentProblem as problem:
        raise Failed(str(problem)) from problem
    source = file_source(whole, src)
    result = {"src": src, "dest": dest, "checksum": source.checksum, "md5sum": md5_of(whole)}
    changed = not is_placed(source, os.path.realpath(dest))
    if changed:
        result.update(_place(source, whole, args, context))
    result["changed"] = apply_file_arguments(dest, args, context, changed)
    return with_description(dict(result, msg="OK"))


def _place(source: Source, whole: str, args: Dict[str, Any], context: Context) -> Dict[str, Any]:
    """Put the whole in its place; the validation runs in check mode too."""
    dest = args["dest"]
    result: Dict[str, Any] = {}
    if args["validate"]:
        finished = run_validation(args["validate"], whole)
        if finished.rc != 0:
            raise Failed(line_failure(finished))
        result["validation"] = finished._asdict()
    if args["backup"] and os.path.exists(dest):
        result["backup_file"] = backup_name(dest) if context.check_mode else backup(dest)
    if not context.check_mode:
        place(source, dest, dict(args, validate=None, backup=False))
    return result

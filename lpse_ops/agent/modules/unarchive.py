"""The host's part of ``unarchive``: an archive is unpacked in a folder, if it is not already.

The archive is a file of this host, comes along from the controller, or is fetched by its address.
"""

import os
import zipfile
from typing import Any, Dict, List, Union

from lpse_ops.agent.archivenames import UnreadableArchive
from lpse_ops.agent.context import Context, Failed
from lpse_ops.agent.fileattributes import FILE_ARGUMENTS, apply_file_arguments
from lpse_ops.agent.files import describe
from lpse_ops.agent.tararchive import TarArchive
from lpse_ops.agent.ziparchive import ZipArchive

ARGUMENTS: Dict[str, Dict[str, Any]] = dict(
    FILE_ARGUMENTS,
    src={"type": "path", "required": True},
    dest={"type": "path", "required": True},
    remote_src={"type": "bool", "default": False},
    copy={"type": "bool", "default": True},
    decrypt={"type": "bool", "default": True},
    creates={"type": "path"},
    io_buffer_size={"type": "int", "default": 64 * 1024},
    list_files={"type": "bool", "default": False},
    keep_newer={"type": "bool", "default": False},
    exclude={"type": "list", "elements": "str", "default": []},
    include={"type": "list", "elements": "str", "default": []},
    extra_opts={"type": "list", "elements": "str", "default": []},
    validate_certs={"type": "bool", "default": True},
)
RULES: Dict[str, Any] = {"mutually_exclusive": [["include", "exclude"]]}
CHECK_MODE = "full"

_MAGIC = (
    (b"\x1f\x8b", "gz"),
    (b"BZh", "bz2"),
    (b"\xfd7zXZ\0", "xz"),
    (b"\x28\xb5\x2f\xfd", "zst"),
)
_ASKED = ("owner", "group", "mode", "attributes", "seuser", "serole", "selevel", "setype")

Archive = Union[TarArchive, ZipArchive]


def run(args: Dict[str, Any], context: Context) -> Dict[str, Any]:
    """Unpack the archive unless all of it is there; then give everything owner and mode."""
    warnings = _make_absolute(args)
    creates, dest = args["creates"], args["dest"]
    if creates and os.path.exists(creates):
        return {"skipped": True, "msg": f"skipped, since {creates} exists"}
    if not os.path.isdir(dest):
        raise Failed(f"dest '{dest}' must be an existing dir")
    path = _find_archive(args, context)
    archive = open_archive(path, args)
    result: Dict[str, Any] = {"handler": archive.handler, "dest": dest, "src": args["src"]}
    difference = archive.difference()
    result["changed"] = bool(difference)
    if context.diff_mode:
        result["diff"] = {"prepared": difference}
    if difference and not context.check_mode:
        result["extract_results"] = outcome = archive.unpack()
        if outcome["rc"] != 0:
            message = "failed to unpack {} to {}".format(args["src"], dest)
            raise Failed(message, **dict(describe(dest), **result))
    result["changed"] = _apply_attributes(archive, args, context, changed=result["changed"])
    if warnings:
        result["warnings"] = warnings
    if args["list_files"]:
        result["files"] = archive.names
    return dict(describe(dest), **result)


def _make_absolute(args: Dict[str, Any]) -> List[str]:
    """Make ``dest`` absolute; what is to be told of that."""
    dest = args["dest"]
    if os.path.isabs(dest):
        return []
    args["dest"] = absolute = os.path.abspath(dest)
    return [f"Relative destination path '{dest}' was resolved to absolute path '{absolute}'."]


def open_archive(path: str, args: Dict[str, Any]) -> Archive:
    """Look through the archive; ``Failed`` if it is none, or one that must not be unpacked."""
    try:
        if _is_zip(path):
            return ZipArchive(path, args)
        return TarArchive(path, detect_compression(path), args)
    except UnreadableArchive as error:
        message = 'Failed to find handler for "{}". Make sure the required command to extract '
        raise Failed(message.format(args["src"]) + f"the file is installed.\n{error}") from error


def detect_compression(path: str) -> str:
    """How a file is packed, by its first bytes; empty when it is not."""
    with open(path, "rb") as file:
        start = file.read(16)
    return next((name for magic, name in _MAGIC if start.startswith(magic)), "")


def _is_zip(path: str) -> bool:
    # A tar of zip files ends like one.
    return detect_compression(path) == "" and not _is_plain_tar(path) and zipfile.is_zipfile(path)


def _is_plain_tar(path: str) -> bool:
    with open(path, "rb") as file:
        return file.read(262)[257:] == b"ustar"


def _find_archive(args: Dict[str, Any], context: Context) -> str:
    """The archive as a file of this host, which can be read."""
    if context.incoming is not None:
        path = os.path.join(context.temporary_folder(), "archive")
        with open(path, "wb") as file:
            context.incoming.copy_to(file)
    elif "://" in args["src"]:
        path = _fetch(args, context)
    else:
        path = str(args["src"])
    src = args["src"]
    if not os.path.exists(path):
        raise Failed(f"Source '{src}' does not exist")
    if not os.access(path, os.R_OK) or not os.path.isfile(path):
        raise Failed(f"Source '{src}' not readable")
    if os.path.getsize(path) == 0:
        raise Failed(f"Invalid archive '{src}', the file is 0 bytes")
    return path


def _fetch(args: Dict[str, Any], context: Context) -> str:
    # Heavy, and seldom needed.
    from lpse_ops.agent.fetching import fetch_to
    from lpse_ops.agent.httprequest import mask_url

    url, args["src"] = args["src"], mask_url(args["src"])
    return fetch_to(url, context, ending=".archive", validate_certs=args["validate_certs"])


def _top_folders(names: List[str]) -> List[str]:
    """Folders right below ``dest``, which an archive need not list itself."""
    listed = {name.rstrip("/") for name in names}
    return sorted({name.split("/")[0] for name in names if "/" in name} - listed)


def _apply_attributes(
    archive: Archive, args: Dict[str, Any], context: Context, *, changed: bool
) -> bool:
    if all(args[name] is None for name in _ASKED):
        return changed
    for name in [*archive.names, *_top_folders(archive.names)]:
        path = os.path.join(args["dest"], name.rstrip("/"))
        wanted = dict(args, follow=False)
        if os.path.islink(path):
            # A link has no mode of its own, and in check mode it must not look as if it had.
            wanted["mode"] = None
        try:
            changed = apply_file_arguments(path, wanted, context, changed)
        except OSError as error:
            raise Failed(f"Unexpected error when accessing exploded file: {error}") from error
    return changed

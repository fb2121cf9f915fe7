"""The ``archive`` module: files of the host packed into an archive, or one file compressed."""

import glob
import os
import re
import shutil
from typing import Any, Dict, List, NamedTuple, Tuple

from lpse_ops.agent import archivewriting
from lpse_ops.agent.archivewriting import Entry
from lpse_ops.agent.context import Context, Failed
from lpse_ops.agent.fileattributes import FILE_ARGUMENTS, apply_file_arguments
from lpse_ops.agent.files import describe
from lpse_ops.agent.replacing import write_atomically

ARGUMENTS: Dict[str, Dict[str, Any]] = dict(
    FILE_ARGUMENTS,
    path={"type": "list", "elements": "path", "required": True},
    dest={"type": "path"},
    format={"type": "str", "default": "gz", "choices": ["bz2", "gz", "tar", "xz", "zip"]},
    exclude_path={"type": "list", "elements": "path", "default": []},
    exclusion_patterns={"type": "list", "elements": "path"},
    force_archive={"type": "bool", "default": False},
    remove={"type": "bool", "default": False},
)
CHECK_MODE = "full"

_ARCHIVE_NAME = re.compile(r"\.(tar|tar\.(gz|bz2|xz)|tgz|tbz2|zip)$", re.IGNORECASE)


class Job(NamedTuple):
    """What is packed where; ``is_archive`` is False for one file that is only compressed."""

    targets: List[str]
    missing: List[str]
    root: str
    dest: str
    is_archive: bool


def run(args: Dict[str, Any], context: Context) -> Dict[str, Any]:
    """Pack the files unless the archive holds just them; then remove them if asked to."""
    paths, has_globs = expand(args["path"])
    excluded, _ = expand(args["exclude_path"])
    shown = {"expanded_paths": paths, "expanded_exclude_paths": excluded}
    job = plan(sorted(set(paths) - set(excluded)), args, has_globs=has_globs)
    _refuse_own_grave(job, args)
    entries = _find_entries(job, args)
    changed = bool(job.targets) and not _is_there(job, entries, args["format"])
    if changed and not context.check_mode:
        _write(job, entries, args)
    archived = [entry.path for entry in entries if not _is_unnamed(entry, args["format"])]
    if args["remove"] and job.targets and not context.check_mode:
        changed = _remove(job, archived) or changed
    if os.path.exists(job.dest):
        changed = apply_file_arguments(job.dest, dict(args, follow=False), context, changed)
    result = {
        "archived": [] if context.check_mode else archived,
        "dest": job.dest,
        "dest_state": _state(job, args["format"], context),
        "changed": changed,
        "arcroot": job.root,
        "missing": job.missing,
    }
    return dict(describe(job.dest), **result, **shown)


def expand(paths: List[str]) -> Tuple[List[str], bool]:
    """The paths that patterns match, others as they are; and whether there was a pattern."""
    found: List[str] = []
    has_globs = False
    for path in paths:
        if "*" in path or "?" in path:
            has_globs = True
            found += glob.glob(path)
        else:
            found.append(path)
    return found, has_globs


def plan(paths: List[str], args: Dict[str, Any], *, has_globs: bool) -> Job:
    """Decide what is packed and where; ``Failed`` when there is nothing, or no place for it."""
    if not paths:
        raise Failed("Error, no source paths were found", path=", ".join(args["path"]))
    is_many = has_globs or os.path.isdir(paths[0]) or len(paths) > 1
    is_archive = args["force_archive"] or is_many
    dest = args["dest"]
    if not dest and is_archive:
        raise Failed(
            'Error, must specify "dest" when archiving multiple files or trees',
            path=", ".join(args["path"]),
        )
    targets = [path for path in paths if os.path.lexists(path)]
    missing = [path for path in paths if not os.path.lexists(path)]
    dest = dest or "{}.{}".format(paths[0], args["format"])
    return Job(targets, missing, common_root(paths), dest, is_archive)


def common_root(paths: List[str]) -> str:
    """The folder that all paths are in, with a slash: names in the archive begin behind it."""
    try:
        return os.path.join(os.path.commonpath([os.path.dirname(path) for path in paths]), "")
    except ValueError as error:
        raise Failed("path has absolute and relative paths; make them all absolute") from error


def _find_entries(job: Job, args: Dict[str, Any]) -> List[Entry]:
    entries = archivewriting.find_entries(job.targets, job.root, job.dest)
    return archivewriting.without_matches(entries, args["exclusion_patterns"] or [], args["format"])


def _is_compressed_only(job: Job, kind: str) -> bool:
    return not job.is_archive and kind not in ("tar", "zip")


def _is_there(job: Job, entries: List[Entry], kind: str) -> bool:
    if not os.path.isfile(job.dest):
        return False
    try:
        if _is_compressed_only(job, kind):
            there = archivewriting.checksum_of_compressed(job.dest, kind)
            return there == archivewriting.checksum_of_file(job.targets[0])
        there_are = archivewriting.fingerprint_of_archive(job.dest, kind)
        return there_are == archivewriting.fingerprint_of_entries(entries, kind)
    except (OSError, ValueError) as error:
        raise _unreadable(job, error) from error


def _write(job: Job, entries: List[Entry], args: Dict[str, Any]) -> None:
    kind = args["format"]

    def write(file: Any) -> None:
        try:
            if _is_compressed_only(job, kind):
                archivewriting.write_compressed(file, job.targets[0], kind)
            else:
                archivewriting.write_archive(file, entries, kind)
        except (OSError, ValueError) as error:
            raise _unreadable(job, error) from error

    path = os.path.realpath(job.dest)
    folder = os.path.dirname(path)
    if not os.path.isdir(folder):
        raise Failed(f"cannot write {job.dest}: there is no folder {folder}")
    write_atomically(path, write, unsafe_writes=args["unsafe_writes"], mode=args["mode"])


def _unreadable(job: Job, error: Exception) -> Failed:
    return Failed(f"Errors when writing archive at {job.dest}: {error}")


def _is_unnamed(entry: Entry, kind: str) -> bool:
    # Folders of a zip are not told of.
    return kind == "zip" and os.path.isdir(entry.path)


def _refuse_own_grave(job: Job, args: Dict[str, Any]) -> None:
    for path in job.targets if args["remove"] else ():
        if os.path.isdir(path) and job.dest.startswith(os.path.join(path, "")):
            raise Failed(
                "Error, created archive can not be contained in source paths when remove=true",
                path=", ".join(job.targets),
            )


def _remove(job: Job, archived: List[str]) -> bool:
    """Remove what was packed, and folders with all in them; whether there was anything."""
    removed = False
    try:
        for path in [*archived, *job.targets]:
            if not os.path.lexists(path):
                continue
            is_folder = os.path.isdir(path) and not os.path.islink(path)
            if not is_folder and path not in archived:
                continue
            removed = True
            if is_folder:
                shutil.rmtree(path)
            else:
                os.unlink(path)
    except OSError as error:
        raise Failed(f"Error deleting some source files: {error}", dest=job.dest) from error
    return removed


def _state(job: Job, kind: str, context: Context) -> str:
    if not job.targets:
        if not os.path.exists(job.dest):
            return "absent"
        return "archive" if _ARCHIVE_NAME.search(os.path.basename(job.dest)) else "compress"
    if context.check_mode:
        return "absent"
    if _is_compressed_only(job, kind):
        return "compress"
    return "incomplete" if job.is_archive and job.missing else "archive"

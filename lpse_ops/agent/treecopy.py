"""A folder of this host copied to another place on it: ``copy`` with ``remote_src``.

Runs on the managed host: standard library and ``lpse_ops.agent`` only, Python 3.6.
"""

import os
import shutil
import stat
from typing import Any, Dict, Iterator, List, NamedTuple

from lpse_ops.agent.context import Context, Failed
from lpse_ops.agent.fileattributes import apply_file_arguments
from lpse_ops.agent.files import digest_of
from lpse_ops.agent.placement import with_description
from lpse_ops.agent.replacing import write_atomically


class Entry(NamedTuple):
    """One thing to copy; ``kind`` is ``directory``, ``link`` or ``file``."""

    kind: str
    source: str
    target: str


def copy_folder(args: Dict[str, Any], context: Context) -> Dict[str, Any]:
    """Copy what differs; ``src/`` means what is in the folder, ``src`` the folder itself."""
    src, dest = args["src"], args["dest"]
    root = dest if src.endswith("/") else os.path.join(dest, os.path.basename(src))
    shown = os.path.join(dest, os.path.basename(src)) if os.path.isdir(dest) else dest
    entries = list(
        _walk(src.rstrip("/") or "/", root.rstrip("/") or "/", follow=bool(args["local_follow"]))
    )
    made: List[str] = []
    changed = False
    for entry in entries:
        if _is_there(entry):
            continue
        changed = True
        if not context.check_mode:
            _copy(entry, made)
    changed = _apply_owner(root, args, context) or changed
    for folder in reversed(made):
        shutil.copystat(_source_of(folder, entries), folder)
    result = {"dest": shown, "src": src, "md5sum": None, "checksum": None}
    changed = apply_file_arguments(shown, args, context, changed)
    return with_description(dict(result, changed=changed))


def _walk(source: str, target: str, *, follow: bool) -> Iterator[Entry]:
    """A folder and all in it, each folder before what it holds."""
    yield Entry("directory", source, target)
    for name in sorted(os.listdir(source)):
        below, place = os.path.join(source, name), os.path.join(target, name)
        if os.path.islink(below) and not follow:
            yield Entry("link", below, place)
        elif os.path.isdir(below):
            _refuse_circle(below)
            yield from _walk(below, place, follow=follow)
        else:
            yield Entry("file", below, place)


def _refuse_circle(folder: str) -> None:
    real = os.path.realpath(folder)
    if os.path.islink(folder) and (os.path.realpath(os.path.dirname(folder)) + "/").startswith(
        real + "/"
    ):
        raise Failed(f"cannot copy {folder}: it leads back to a folder that holds it")


def _is_there(entry: Entry) -> bool:
    if entry.kind == "link":
        return os.path.islink(entry.target) and os.readlink(entry.target) == os.readlink(
            entry.source
        )
    if entry.kind == "directory":
        return os.path.isdir(entry.target)
    if not os.path.isfile(entry.target) or os.path.islink(entry.target):
        return False
    if os.path.getsize(entry.source) != os.path.getsize(entry.target):
        return False
    return digest_of(entry.source) == digest_of(entry.target)


def _copy(entry: Entry, made: List[str]) -> None:
    try:
        if entry.kind == "directory":
            os.makedirs(entry.target)
            made.append(entry.target)
        elif entry.kind == "link":
            if os.path.lexists(entry.target):
                os.unlink(entry.target)
            os.symlink(os.readlink(entry.source), entry.target)
        else:
            _copy_file(entry)
    except OSError as error:
        message = "failed to copy: {} to {}: {}"
        raise Failed(message.format(entry.source, entry.target, error)) from error


def _copy_file(entry: Entry) -> None:
    with open(entry.source, "rb") as file:
        write_atomically(
            entry.target,
            lambda target: shutil.copyfileobj(file, target, 1 << 20),
            # Before anybody can read it, not only afterwards.
            mode=stat.S_IMODE(os.fstat(file.fileno()).st_mode),
        )
    shutil.copystat(entry.source, entry.target)


def _source_of(folder: str, entries: List[Entry]) -> str:
    return next(entry.source for entry in entries if entry.target == folder)


def _apply_owner(root: str, args: Dict[str, Any], context: Context) -> bool:
    """Give all below the copy the wanted owner and group."""
    if args["owner"] is None and args["group"] is None:
        return False
    owner = {"owner": args["owner"], "group": args["group"]}
    changed = False
    for folder, folders, names in os.walk(root):
        for path in [folder] + [os.path.join(folder, name) for name in folders + names]:
            changed = apply_file_arguments(path, owner, context) or changed
    return changed

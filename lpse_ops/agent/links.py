"""Symbolic and hard links: made, pointed elsewhere, and put in place of what was there."""

import contextlib
import os
from typing import Any, Callable, Dict, Iterator, Optional

from lpse_ops.agent.context import Context, Failed
from lpse_ops.agent.fileattributes import note
from lpse_ops.agent.files import describe, kind_of

Result = Dict[str, Any]


def make_link(args: Dict[str, Any], context: Context, diff: Dict[str, Any]) -> Result:
    """Make ``path`` a symbolic link to ``src``, or keep the one that is there."""
    path = args["path"]
    kind = kind_of(path)
    src = args["src"]
    if src is None and kind == "link":
        shown = os.readlink(path) if args["follow"] and os.path.exists(path) else None
        return {"dest": path, "src": shown, "changed": False, "diff": diff}
    if src is None:
        raise Failed("src is required for creating new symlinks")
    _refuse_to_replace(path, src, kind, force=args["force"])
    before = os.readlink(path) if kind == "link" else None
    if kind == "link" and before != src:
        note(diff, "src", before, src)
    changed = before != src
    if changed and not context.check_mode:
        with _errors(path, kind):
            _replace(path, kind, lambda name: os.symlink(src, name))
    return {"dest": path, "src": src, "changed": changed, "diff": diff}


def _refuse_to_replace(path: str, src: str, kind: str, *, force: bool) -> None:
    # A relative target counts from the folder that the link is in.
    folder = path if kind == "directory" else os.path.dirname(path)
    target = os.path.join(folder, src)
    if not force and not os.path.exists(target):
        message = "src file does not exist, use 'force=yes' if you really want to create the link"
        raise _failed(f"{message}: {target}", path, src=src)
    if kind in ("directory", "file", "hard") and not force:
        raise _failed(f"refusing to convert from {kind} to symlink for {path}", path)
    if kind == "directory" and os.listdir(path):
        message = f"the directory {path} is not empty, refusing to convert it"
        raise _failed(message, path)


def make_hard_link(args: Dict[str, Any], context: Context, diff: Dict[str, Any]) -> Result:
    """Make ``path`` another name of the file ``src``, or keep the name that is there."""
    path, src = args["path"], args["src"]
    kind = kind_of(path)
    if src is None and kind != "hard":
        raise Failed("src is required for creating new hardlinks")
    if src is not None and not os.path.exists(src):
        raise _failed("src does not exist", None, dest=path, src=src)
    if kind == "link" and os.readlink(path) != src:
        note(diff, "src", os.readlink(path), src)
    same = src is None or _is_same_file(path, src)
    if kind == "directory" and same:
        return {"path": path, "changed": False}
    changed = not same or kind == "file"
    if changed and kind in ("hard", "file", "directory") and not args["force"]:
        raise _failed(_refusal(kind), None, dest=path, src=src)
    if changed and not context.check_mode:
        with _errors(path, kind):
            _replace(path, kind, lambda name: os.link(src, name))
    return {"dest": path, "src": src, "changed": changed, "diff": diff}


def _refusal(kind: str) -> str:
    if kind == "file":
        return "Cannot link, file exists at destination"
    if kind == "hard":
        return "Cannot link, different hard link exists at destination"
    return "Cannot link: different hard link exists at destination"


def _is_same_file(path: str, src: str) -> bool:
    if os.path.islink(path):
        return os.readlink(path) == src
    try:
        return os.path.samestat(os.lstat(path), os.stat(src))
    except OSError:
        return False


def _replace(path: str, kind: str, make: Callable[[str], Any]) -> None:
    """Make something new under another name first, so that the old one is never missing."""
    if kind == "absent":
        make(path)
        return
    temporary = os.path.join(os.path.dirname(path), f".lpse-ops-{os.urandom(8).hex()}.tmp")
    if kind == "directory":
        os.rmdir(path)
    try:
        make(temporary)
        os.rename(temporary, path)
    finally:
        # Renaming a hard link onto the same file does nothing at all.
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary)


@contextlib.contextmanager
def _errors(path: str, kind: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        verb = "linking" if kind == "absent" else "replacing"
        raise _failed(f"Error while {verb}: {error}", path) from error


def _failed(message: str, path: Optional[str], **more: Any) -> Failed:
    described = describe(path or more["dest"])
    if path is not None:
        more["path"] = path
    return Failed(message, **dict(described, **more))

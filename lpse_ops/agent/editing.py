"""What the modules that edit a text file share: reading it, putting it back, the two diffs.

Runs on the managed host: standard library and ``lpse_ops.agent`` only, Python 3.6.  Files are
bytes: whatever they are encoded in, only what was asked for changes.
"""

import os
import re
from typing import Any, Dict, List, Optional, Pattern, Tuple

from lpse_ops.agent.contentdiff import text_of
from lpse_ops.agent.context import Context, Failed
from lpse_ops.agent.fileattributes import apply_file_arguments
from lpse_ops.agent.replacing import backup, line_validator, write_atomically

_ATTRIBUTES_CHANGED = "ownership, perms or SE linux context changed"


def read_content(path: str, *, create: bool, word: str = "Path") -> Optional[bytes]:
    """Content of a file; None if there is none and it may be made."""
    if os.path.isdir(path):
        raise Failed(f"Path {path} is a directory !", rc=256)
    if not os.path.exists(path):
        if not create:
            raise Failed(f"{word} {path} does not exist !", rc=257)
        return None
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError as error:
        raise Failed(f"cannot read {path}: {error.strerror}") from error


def save_content(path: str, content: bytes, args: Dict[str, Any], context: Context) -> str:
    """Write the new content, also through a link; return the name of the backup or nothing."""
    if context.check_mode:
        return ""
    make_folder_of(path)
    name = backup(path) if args["backup"] and os.path.exists(path) else ""
    write_atomically(
        os.path.realpath(path),
        content,
        unsafe_writes=args["unsafe_writes"],
        check=line_validator(args["validate"]),
    )
    return name


def make_folder_of(path: str) -> None:
    """Make the folder that a new file is to be in."""
    folder = os.path.dirname(path)
    try:
        if folder and not os.path.exists(folder):
            os.makedirs(folder)
    except OSError as error:
        raise Failed(f"Error creating {folder} ({error})") from error


def apply_attributes(
    path: str,
    args: Dict[str, Any],
    context: Context,
    result: Dict[str, Any],
    diff: Optional[Dict[str, Any]] = None,
) -> None:
    """Set owner, mode and so on, and add to ``changed`` and ``msg`` that they were others."""
    if apply_file_arguments(path, args, context, diff=diff):
        start = result["msg"] + " and " if result["changed"] else result["msg"]
        result.update(changed=True, msg=start + _ATTRIBUTES_CHANGED)


def content_diff(
    path: str, before: Optional[bytes], after: bytes, context: Context
) -> Dict[str, Any]:
    """The diff of a content; its sides are empty when nobody asked to see them."""
    sides = (before or b"", after) if context.diff_mode else (b"", b"")
    return dict(headers(path, "content"), before=text_of(sides[0]), after=text_of(sides[1]))


def headers(path: str, about: str) -> Dict[str, Any]:
    """Headers of both sides of a diff: ``/etc/hosts (content)``."""
    header = f"{path} ({about})"
    return {"before_header": header, "after_header": header}


def compile_pattern(text: str, name: str, flags: int = 0) -> "Pattern[bytes]":
    """Compile a regular expression for bytes; the task fails with the argument's name."""
    try:
        return re.compile(to_bytes(text), flags)
    except re.error as error:
        raise Failed(f"{name} is no regular expression: {text}: {error}") from error


def to_bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def split_lines(content: bytes) -> List[bytes]:
    """Lines with their ends, which are newlines only."""
    return re.findall(rb"[^\n]*\n|[^\n]+", content)


def place_arguments(args: Dict[str, Any]) -> Tuple[Optional[str], Optional[str]]:
    """``insertafter`` and ``insertbefore``, of which the first is EOF if neither is given."""
    after, before = args["insertafter"], args["insertbefore"]
    return ("EOF" if after is None and before is None else after), before

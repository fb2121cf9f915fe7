"""The ``lineinfile`` module: one line is in a text file, or is not.

Runs on the managed host: standard library and ``lpse_ops.agent`` only, Python 3.6.
"""

import re
from typing import Any, Dict, List, Match, NamedTuple, Optional

from lpse_ops.agent import editing
from lpse_ops.agent.context import Context, Failed
from lpse_ops.agent.fileattributes import FILE_ARGUMENTS

ARGUMENTS: Dict[str, Dict[str, Any]] = dict(
    FILE_ARGUMENTS,
    path={"type": "path", "required": True, "aliases": ["dest", "destfile", "name"]},
    state={"type": "str", "default": "present", "choices": ["absent", "present"]},
    regexp={"type": "str", "aliases": ["regex"]},
    search_string={"type": "str"},
    line={"type": "str", "aliases": ["value"]},
    backrefs={"type": "bool", "default": False},
    insertafter={"type": "str"},
    insertbefore={"type": "str"},
    create={"type": "bool", "default": False},
    backup={"type": "bool", "default": False},
    firstmatch={"type": "bool", "default": False},
    validate={"type": "str"},
)
RULES: Dict[str, Any] = {
    "mutually_exclusive": [
        ["insertbefore", "insertafter"],
        ["regexp", "search_string"],
        ["backrefs", "search_string"],
    ],
}
CHECK_MODE = "full"
TIDY = True

_LINE_END = b"\n"
_ENDS = b"\r\n"


class Found(NamedTuple):
    """A line that the task is about; ``match`` is what ``regexp`` matched in it."""

    place: int
    match: Optional[Match[bytes]] = None


class Edit(NamedTuple):
    """The lines as they should be, and what was done to them, in a word."""

    lines: List[bytes]
    message: str


def run(args: Dict[str, Any], context: Context) -> Dict[str, Any]:
    """Bring the file to the wanted state."""
    ensure = _ensure_present if args["state"] == "present" else _ensure_absent
    result = ensure(args, context)
    warnings = [
        f"an empty {name} matches every line; {hint} says so without a warning"
        for name, hint in (("regexp", "'^'"), ("search_string", "regexp: '^'"))
        if args[name] == ""
    ]
    return dict(result, warnings=warnings) if warnings else result


def _ensure_present(args: Dict[str, Any], context: Context) -> Dict[str, Any]:
    if args["backrefs"] and args["regexp"] is None:
        raise Failed("regexp is required with backrefs=true")
    if args["line"] is None:
        raise Failed("line is required with state=present")
    before = editing.read_content(args["path"], create=args["create"], word="Destination")
    return _finish(args, context, before, plan_present(editing.split_lines(before or b""), args))


def _ensure_absent(args: Dict[str, Any], context: Context) -> Dict[str, Any]:
    if args["regexp"] is None and args["search_string"] is None and args["line"] is None:
        raise Failed("one of line, search_string, or regexp is required with state=absent")
    before = editing.read_content(args["path"], create=True)
    if before is None:
        return {"changed": False, "msg": "file not present"}
    lines = editing.split_lines(before)
    edit = plan_absent(lines, args)
    result = _finish(args, context, before, edit)
    return dict(result, found=len(lines) - len(edit.lines))


def _finish(
    args: Dict[str, Any], context: Context, before: Optional[bytes], edit: Edit
) -> Dict[str, Any]:
    path = args["path"]
    after = b"".join(edit.lines)
    result = {"changed": bool(edit.message), "msg": edit.message, "backup": ""}
    result["diff"] = diff = editing.content_diff(path, before, after, context)
    if result["changed"]:
        result["backup"] = editing.save_content(path, after, args, context)
    if before is None and context.check_mode:
        return result
    attributes = editing.headers(path, "file attributes")
    editing.apply_attributes(path, args, context, result, attributes)
    return dict(result, diff=[diff, attributes])


def plan_absent(lines: List[bytes], args: Dict[str, Any]) -> Edit:
    """Leave out every line that matches."""
    if args["regexp"] is not None:
        search = editing.compile_pattern(args["regexp"], "regexp").search
        kept = [line for line in lines if not search(line)]
    elif args["search_string"] is not None:
        part = editing.to_bytes(args["search_string"])
        kept = [line for line in lines if part not in line]
    else:
        whole = editing.to_bytes(args["line"])
        kept = [line for line in lines if line.rstrip(_ENDS) != whole]
    removed = len(lines) - len(kept)
    return Edit(kept, f"{removed} line(s) removed" if removed else "")


def plan_present(lines: List[bytes], args: Dict[str, Any]) -> Edit:
    """Replace the line that matches, or insert the line where it belongs."""
    line = editing.to_bytes(args["line"])
    found = _find_match(lines, args)
    if found:
        return _replaced(lines, found, line, args)
    if args["backrefs"]:
        return Edit(lines, "")
    same = [index for index, each in enumerate(lines) if each.rstrip(_ENDS) == line]
    if same:
        return _replaced(lines, Found(same[-1]), line, dict(args, backrefs=False))
    return _inserted(lines, line, args)


def _find_match(lines: List[bytes], args: Dict[str, Any]) -> Optional[Found]:
    found: List[Found] = []
    if args["regexp"] is not None:
        search = editing.compile_pattern(args["regexp"], "regexp").search
        matches = [(index, search(line)) for index, line in enumerate(lines)]
        found = [Found(index, match) for index, match in matches if match]
    elif args["search_string"] is not None:
        part = editing.to_bytes(args["search_string"])
        found = [Found(index) for index, line in enumerate(lines) if part in line]
    if not found:
        return None
    return found[0] if args["firstmatch"] else found[-1]


def _replaced(lines: List[bytes], found: Found, line: bytes, args: Dict[str, Any]) -> Edit:
    new = line
    if args["backrefs"] and found.match:
        try:
            new = found.match.expand(line)
        except (re.error, IndexError) as error:
            raise Failed(f"line does not fit the groups of regexp: {error}") from error
    if not new.endswith(_LINE_END):
        new += _LINE_END
    if lines[found.place] == new:
        return Edit(lines, "")
    return Edit([*lines[: found.place], new, *lines[found.place + 1 :]], "line replaced")


def _inserted(lines: List[bytes], line: bytes, args: Dict[str, Any]) -> Edit:
    new = line + _LINE_END
    after, before = editing.place_arguments(args)
    if "BOF" in (after, before):
        return Edit([new, *lines], "line added")
    place = _find_place(lines, after, before, first=args["firstmatch"])
    if place is None or place == len(lines):
        return Edit([*_ended(lines), new], "line added")
    if after and lines[place].rstrip(_ENDS) == line:
        return Edit(lines, "")
    return Edit([*lines[:place], new, *lines[place:]], "line added")


def _find_place(
    lines: List[bytes], after: Optional[str], before: Optional[str], *, first: bool
) -> Optional[int]:
    """Index that the new line should have; None is the end of the file."""
    text = before if after is None else after
    if text is None or text == "EOF":
        return None
    search = editing.compile_pattern(
        text, "insertbefore" if after is None else "insertafter"
    ).search
    places = [index for index, line in enumerate(lines) if search(line)]
    if not places:
        return None
    return (places[0] if first else places[-1]) + (after is not None)


def _ended(lines: List[bytes]) -> List[bytes]:
    """The lines, the last of which ends as a line should."""
    if lines and lines[-1][-1:] not in (b"\n", b"\r"):
        return [*lines[:-1], lines[-1] + _LINE_END]
    return lines

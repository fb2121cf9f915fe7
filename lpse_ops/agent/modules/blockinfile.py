"""The ``blockinfile`` module: lines between two markers in a text file.

Runs on the managed host: standard library and ``lpse_ops.agent`` only, Python 3.6.
"""

import re
from typing import Any, Dict, List, Optional, Tuple

from lpse_ops.agent import editing
from lpse_ops.agent.context import Context
from lpse_ops.agent.fileattributes import FILE_ARGUMENTS

ARGUMENTS: Dict[str, Dict[str, Any]] = dict(
    FILE_ARGUMENTS,
    path={"type": "path", "required": True, "aliases": ["dest", "destfile", "name"]},
    state={"type": "str", "default": "present", "choices": ["absent", "present"]},
    marker={"type": "str", "default": "# {mark} ANSIBLE MANAGED BLOCK"},
    block={"type": "str", "default": "", "aliases": ["content"]},
    insertafter={"type": "str"},
    insertbefore={"type": "str"},
    create={"type": "bool", "default": False},
    backup={"type": "bool", "default": False},
    validate={"type": "str"},
    marker_begin={"type": "str", "default": "BEGIN"},
    marker_end={"type": "str", "default": "END"},
    append_newline={"type": "bool", "default": False},
    prepend_newline={"type": "bool", "default": False},
)
RULES: Dict[str, Any] = {"mutually_exclusive": [["insertbefore", "insertafter"]]}
CHECK_MODE = "full"
TIDY = True

_LINE_END = b"\n"


def run(args: Dict[str, Any], context: Context) -> Dict[str, Any]:
    """Bring the block to the wanted state."""
    path = args["path"]
    before = editing.read_content(path, create=args["create"])
    block = block_lines(args)
    after = plan_content(before or b"", block, args)
    result: Dict[str, Any] = {"changed": True, "msg": "Block inserted"}
    if before == after:
        result = {"changed": False, "msg": ""}
    elif before is None:
        result["msg"] = "File created"
    elif not block:
        result["msg"] = "Block removed"
    result["diff"] = diff = editing.content_diff(path, before, after, context)
    name = editing.save_content(path, after, args, context) if result["changed"] else ""
    if name:
        result["backup_file"] = name
    if before is None and context.check_mode:
        return result
    attributes = editing.headers(path, "file attributes")
    editing.apply_attributes(path, args, context, result, attributes)
    return dict(result, diff=[diff, attributes])


def block_lines(args: Dict[str, Any]) -> List[bytes]:
    """The block with its markers; nothing if there should be none."""
    block = editing.to_bytes(args["block"])
    if args["state"] == "absent" or not block:
        return []
    if not block.endswith(_LINE_END):
        block += _LINE_END
    begin, end = (marker + _LINE_END for marker in _markers(args))
    return [begin, *block.splitlines(True), end]


def plan_content(content: bytes, block: List[bytes], args: Dict[str, Any]) -> bytes:
    """The content with the block where the old one was, or where it belongs."""
    lines = content.splitlines(True)
    old = _find_block(lines, _markers(args))
    place = _find_place(content, lines, args) if old is None else old[0]
    if old:
        del lines[old[0] : old[1] + 1]
    if place > 0 and not lines[place - 1].endswith(_LINE_END):
        lines[place - 1] += _LINE_END
    head, tail = lines[:place], lines[place:]
    if block and args["prepend_newline"] and head and head[-1] != _LINE_END:
        head.append(_LINE_END)
    if block and args["append_newline"] and tail and tail[0] != _LINE_END:
        tail.insert(0, _LINE_END)
    return b"".join(head + block + tail)


def _markers(args: Dict[str, Any]) -> Tuple[bytes, bytes]:
    begin, end = (
        editing.to_bytes(args["marker"].replace("{mark}", args[name]))
        for name in ("marker_begin", "marker_end")
    )
    return begin, end


def _find_block(lines: List[bytes], markers: Tuple[bytes, bytes]) -> Optional[Tuple[int, int]]:
    """First and last line of the block there is: the last of each marker counts."""
    places = [
        [index for index, line in enumerate(lines) if line == marker + _LINE_END]
        for marker in markers
    ]
    if not all(places):
        return None
    first, last = sorted(found[-1] for found in places)
    return first, last


def _find_place(content: bytes, lines: List[bytes], args: Dict[str, Any]) -> int:
    after, before = editing.place_arguments(args)
    if before == "BOF":
        return 0
    text = before if after is None else after
    if text is None or text == "EOF":
        return len(lines)
    name = "insertbefore" if after is None else "insertafter"
    pattern = editing.compile_pattern(text, name)
    if pattern.flags & re.MULTILINE:
        ends = [m.end() if after is not None else m.start() for m in pattern.finditer(content)]
        # The pattern may stop short of the end of its last line.
        places = [content.count(_LINE_END, 0, end) + (after is not None) for end in ends]
    else:
        found = [index for index, line in enumerate(lines) if pattern.search(line)]
        places = [index + (after is not None) for index in found]
    return min(places[-1], len(lines)) if places else len(lines)

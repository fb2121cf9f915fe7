"""The ``ini_file`` module: an option of an INI file has a value, or is not there.

Runs on the managed host: standard library and ``lpse_ops.agent`` only, Python 3.6.
"""

import os
from typing import Any, Dict, List, Sequence, Tuple

from lpse_ops.agent import editing
from lpse_ops.agent.contentdiff import text_of
from lpse_ops.agent.context import Context, Failed
from lpse_ops.agent.fileattributes import FILE_ARGUMENTS, apply_file_arguments
from lpse_ops.agent.files import describe
from lpse_ops.agent.inifile import Wanted, plan_absent, plan_present, split_text
from lpse_ops.agent.replacing import backup, write_atomically

_CONDITION: Dict[str, Dict[str, Any]] = {
    "option": {"type": "str", "required": True},
    "value": {"type": "str"},
    "values": {"type": "list", "elements": "str"},
}
ARGUMENTS: Dict[str, Dict[str, Any]] = dict(
    FILE_ARGUMENTS,
    path={"type": "path", "required": True, "aliases": ["dest"]},
    section={"type": "str"},
    section_has_values={
        "type": "list",
        "elements": "dict",
        "options": _CONDITION,
        "mutually_exclusive": [["value", "values"]],
    },
    option={"type": "str"},
    value={"type": "str"},
    values={"type": "list", "elements": "str"},
    backup={"type": "bool", "default": False},
    state={"type": "str", "default": "present", "choices": ["absent", "present"]},
    exclusive={"type": "bool", "default": True},
    no_extra_spaces={"type": "bool", "default": False},
    ignore_spaces={"type": "bool", "default": False},
    allow_no_value={"type": "bool", "default": False},
    modify_inactive_option={"type": "bool", "default": True},
    create={"type": "bool", "default": True},
    follow={"type": "bool", "default": False},
)
RULES: Dict[str, Any] = {"mutually_exclusive": [["value", "values"]]}
CHECK_MODE = "full"
TIDY = True

_BOM = b"\xef\xbb\xbf"


def run(args: Dict[str, Any], context: Context) -> Dict[str, Any]:
    """Bring the file to the wanted state; what it says before its first section is one as well."""
    if args["state"] == "present" and not args["allow_no_value"] and not _values_of(args):
        raise Failed(
            "Parameter 'value(s)' must be defined if state=present and allow_no_value=False."
        )
    path = os.path.realpath(args["path"]) if args["follow"] else args["path"]
    if not args["create"] and not os.path.exists(path):
        raise Failed(f"Destination {path} does not exist!", rc=257)
    content = editing.read_content(path, create=True)
    before = split_text(_text_of(content or b""))
    plan = plan_present if args["state"] == "present" else plan_absent
    edit = plan(before, wanted_of(args))
    # A file that would only get its first, empty line stays as it is.
    changed = edit.lines != before and edit.lines != ["\n"]
    after = edit.lines if changed else before
    result: Dict[str, Any] = {"changed": changed, "msg": edit.message, "path": args["path"]}
    sides = [editing.to_bytes("".join(lines)) for lines in (before, after)]
    result["diff"] = editing.content_diff(args["path"], sides[0], sides[1], context)
    if changed and not context.check_mode:
        result.update(_save(path, sides[1], args))
    if os.path.exists(args["path"]):
        result["changed"] = apply_file_arguments(args["path"], args, context, changed)
    return dict(result, **describe(args["path"]))


def wanted_of(args: Dict[str, Any]) -> Wanted:
    """What the arguments ask for."""
    return Wanted(
        section=args["section"] or None,
        option=args["option"],
        values=_values_of(args),
        conditions=_conditions_of(args["section_has_values"] or ()),
        exclusive=args["exclusive"],
        spaces=not args["no_extra_spaces"],
        ignore_spaces=args["ignore_spaces"],
        allow_no_value=args["allow_no_value"],
        touch_comments=args["modify_inactive_option"],
    )


def _values_of(args: Dict[str, Any]) -> Tuple[str, ...]:
    """Every value once, in the order of the task."""
    values = args["values"] or [] if args["value"] is None else [args["value"]]
    return tuple(dict.fromkeys(value for value in values if value is not None))


def _conditions_of(conditions: Sequence[Dict[str, Any]]) -> List[Tuple[str, Tuple[str, ...]]]:
    return [(each["option"], _values_of(each)) for each in conditions]


def _text_of(content: bytes) -> str:
    return text_of(content[len(_BOM) :] if content.startswith(_BOM) else content)


def _save(path: str, content: bytes, args: Dict[str, Any]) -> Dict[str, str]:
    editing.make_folder_of(path)
    kept = {"backup_file": backup(path)} if args["backup"] and os.path.exists(path) else {}
    write_atomically(path, content, unsafe_writes=args["unsafe_writes"])
    return kept

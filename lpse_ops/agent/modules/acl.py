"""The ``acl`` module: an entry of a file's access list is there, or is not.

Runs on the managed host: standard library and ``lpse_ops.agent`` only, Python 3.6.  POSIX access
lists only.
"""

import os
from typing import Any, Dict, List, NamedTuple

from lpse_ops.agent.commands import find_program, run_command
from lpse_ops.agent.context import Context, Failed

ARGUMENTS: Dict[str, Dict[str, Any]] = {
    "path": {"type": "path", "required": True, "aliases": ["name"]},
    "entry": {"type": "str"},
    "entity": {"type": "str", "default": ""},
    "etype": {"type": "str", "choices": ["group", "mask", "other", "user"]},
    "permissions": {"type": "str"},
    "state": {"type": "str", "default": "query", "choices": ["absent", "present", "query"]},
    "follow": {"type": "bool", "default": True},
    "default": {"type": "bool", "default": False},
    "recursive": {"type": "bool", "default": False, "aliases": ["recurse"]},
    "recalculate_mask": {
        "type": "str",
        "default": "default",
        "choices": ["default", "mask", "no_mask"],
    },
}
CHECK_MODE = "full"

_MASKS = {"mask": ["--mask"], "no_mask": ["--no-mask"], "default": []}
_KINDS = {"u": "user", "g": "group", "m": "mask", "o": "other"}
# What ``setfacl --test`` says of a file that would stay as it is.
_STAYS = "*,*"


class Entry(NamedTuple):
    """One entry, in the words of ``setfacl``; ``default`` is for what a folder will hold."""

    text: str
    default: bool = False


def run(args: Dict[str, Any], context: Context) -> Dict[str, Any]:
    """Bring the access list to the wanted state and return it."""
    if not os.path.exists(args["path"]):
        raise Failed("Path not found or not accessible.")
    _check(args)
    if args["state"] == "query":
        acl = _read(args, is_default=args["default"])
        return {"changed": False, "msg": "current acl", "acl": acl}
    entry = entry_of(args)
    words = _words(args, entry)
    tested = _run("setfacl", "--test", *words)
    changed = any(not line.endswith(_STAYS) for line in tested)
    if changed and not context.check_mode:
        _run("setfacl", *words)
    acl = _read(args, is_default=entry.default)
    return {"changed": changed, "msg": f"{entry.text} is {args['state']}", "acl": acl}


def entry_of(args: Dict[str, Any]) -> Entry:
    """The entry that the arguments name, in either of their two ways."""
    is_present = args["state"] == "present"
    if args["entry"] is None:
        words = [args["etype"], args["entity"], *([args["permissions"]] if is_present else [])]
        return Entry(":".join(word or "" for word in words), args["default"])
    words = args["entry"].split(":")
    is_default = words[0].lower().startswith("d")
    words = words[1:] if is_default else words
    words[0] = _KINDS.get(words[0][:1].lower(), words[0])
    return Entry(":".join(words if is_present else words[:2]), args["default"] or is_default)


def _words(args: Dict[str, Any], entry: Entry) -> List[str]:
    words = _MASKS[args["recalculate_mask"]] + ([] if args["follow"] else ["--physical"])
    words = [*words, *(["--recursive"] if args["recursive"] else [])]
    words += ["--default"] if entry.default else []
    return [
        *words,
        "--modify" if args["state"] == "present" else "--remove",
        entry.text,
        *_path(args),
    ]


def _read(args: Dict[str, Any], *, is_default: bool) -> List[str]:
    """The entries as ``getfacl`` has them, an empty line between two files."""
    words = [] if args["follow"] else ["--physical"]
    words += ["--default"] if is_default else []
    words += ["--recursive"] if args["recursive"] else []
    lines = _run("getfacl", "--omit-header", "--absolute-names", *words, *_path(args))
    kept = [line for line in lines if not line.startswith("#")]
    return kept[:-1] if kept and not kept[-1] else kept


def _path(args: Dict[str, Any]) -> List[str]:
    return ["--", args["path"]]


def _run(name: str, *words: str) -> List[str]:
    program = find_program(name)
    if program is None:
        raise Failed(f'Failed to find required executable "{name}": install the package acl')
    done = run_command([program, *words])
    if done.rc != 0:
        message = done.stderr.strip() or f"{name} failed"
        raise Failed(message, rc=done.rc, stdout=done.stdout, stderr=done.stderr)
    return [line.strip() for line in done.stdout.splitlines()]


def _check(args: Dict[str, Any]) -> None:
    state, entry = args["state"], args["entry"]
    if state == "query":
        if args["recursive"]:
            raise Failed("'recursive' MUST NOT be set when 'state=query'.")
        if args["recalculate_mask"] != "default":
            raise Failed(
                "'recalculate_mask' MUST NOT be set to 'mask' or 'no_mask' when 'state=query'."
            )
    elif entry is None:
        if state == "absent" and args["permissions"]:
            raise Failed("'permissions' MUST NOT be set when 'state=absent'.")
        if state == "absent" and not args["entity"]:
            raise Failed("'entity' MUST be set when 'state=absent'.")
        if not args["etype"]:
            raise Failed("'etype' MUST be set when 'state={}'.".format(state))  # noqa: UP032
    if entry is not None:
        _check_entry(args, entry.count(":"))


def _check_entry(args: Dict[str, Any], colons: int) -> None:
    if args["etype"] or args["entity"] or args["permissions"]:
        raise Failed("'entry' MUST NOT be set when 'entity', 'etype' or 'permissions' are set.")
    if args["state"] == "present" and colons not in (2, 3):
        raise Failed("'entry' MUST have 3 or 4 sections divided by ':' when 'state=present'.")
    if args["state"] == "absent" and colons not in (1, 2):
        raise Failed("'entry' MUST have 2 or 3 sections divided by ':' when 'state=absent'.")
    if args["state"] == "query":
        raise Failed("'entry' MUST NOT be set when 'state=query'.")

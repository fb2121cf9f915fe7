"""The ``getent`` module: entries of passwd, group, hosts and the like, as facts."""

from typing import Any, Dict, List, Optional

from lpse_ops.agent.commands import find_program, run_command
from lpse_ops.agent.context import Context, Failed

ARGUMENTS: Dict[str, Dict[str, Any]] = {
    "database": {"type": "str", "required": True},
    "key": {"type": "str"},
    "service": {"type": "str"},
    "split": {"type": "str"},
    "fail_key": {"type": "bool", "default": True},
}
CHECK_MODE = "full"

_WITH_COLONS = ("passwd", "shadow", "group", "gshadow")
# Exit statuses of getent(1).
_KEY_NOT_FOUND = 2
_PROBLEMS = {
    1: "Missing arguments, or database unknown.",
    _KEY_NOT_FOUND: "One or more supplied key could not be found in the database.",
    3: "Enumeration not supported on this database.",
}


def run(args: Dict[str, Any], context: Context) -> Dict[str, Any]:
    """Return the fact ``getent_DATABASE``: first field to the others."""
    program = find_program("getent")
    if program is None:
        raise Failed('Failed to find required executable "getent"')
    argv = [program]
    if args["service"] is not None:
        argv += ["-s", args["service"]]
    argv += [args["database"]] + ([] if args["key"] is None else [args["key"]])
    finished = run_command(argv)
    fact = "getent_" + args["database"]
    if finished.rc == 0:
        split = args["split"] or (":" if args["database"] in _WITH_COLONS else None)
        return {"ansible_facts": {fact: parse_entries(finished.stdout, split)}}
    if finished.rc == _KEY_NOT_FOUND and not args["fail_key"]:
        answer: Dict[str, Any] = {"ansible_facts": {fact: {args["key"]: None}}}
        answer["msg"] = _PROBLEMS[finished.rc]
        return answer
    raise Failed(_PROBLEMS.get(finished.rc, "Unexpected failure!"))


def parse_entries(text: str, split: Optional[str]) -> Dict[str, Any]:
    """Read lines of fields; a first field that comes several times has a list of all entries."""
    entries: Dict[str, List[List[str]]] = {}
    for line in text.splitlines():
        fields = line.split(split)
        if fields:
            entries.setdefault(fields[0], []).append(fields[1:])
    return {name: lists[0] if len(lists) == 1 else lists for name, lists in entries.items()}

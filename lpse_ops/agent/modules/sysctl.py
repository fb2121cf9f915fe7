"""The ``sysctl`` module: a parameter of the kernel, in a file for the next boot and now."""

import re
from typing import Any, Dict, List, NamedTuple, Optional

from lpse_ops.agent.commands import Finished, find_program, run_command
from lpse_ops.agent.context import Context, Failed
from lpse_ops.agent.conversions import FALSE_WORDS, TRUE_WORDS
from lpse_ops.agent.textlines import read_text, split_lines, write_text

ARGUMENTS: Dict[str, Dict[str, Any]] = {
    "name": {"type": "str", "required": True, "aliases": ["key"]},
    "value": {"type": "str", "aliases": ["val"]},
    "state": {"type": "str", "default": "present", "choices": ["absent", "present"]},
    "ignoreerrors": {"type": "bool", "default": False},
    "reload": {"type": "bool", "default": True},
    "sysctl_file": {"type": "path", "default": "/etc/sysctl.conf"},
    "sysctl_set": {"type": "bool", "default": False},
}
RULES: Dict[str, Any] = {"required_if": [["state", "present", ["value"]]]}
CHECK_MODE = "full"

_COMMENTS = ("#", ";")
# What sysctl complains of, and ends with 0 all the same.
_COMPLAINTS = ("Invalid argument", "Read-only file system")


class Plan(NamedTuple):
    """The file's lines as they should be, and what is to be done with the kernel."""

    lines: List[str]
    writes: bool
    sets: bool
    reloads: bool

    @property
    def changes(self) -> bool:
        return self.writes or self.sets or self.reloads


def run(args: Dict[str, Any], context: Context) -> Dict[str, Any]:
    """Have the parameter in the file and in the kernel, or not in the file."""
    check_arguments(args)
    value = parse_value(args["value"])
    lines = split_lines(read_text(args["sysctl_file"]) or "")
    asks = args["state"] == "present" and (args["reload"] or args["sysctl_set"])
    plan = decide(args, value, lines, _read_current(args["name"]) if asks else None)
    if not context.check_mode:
        if plan.sets:
            _set(args, value)
        if plan.writes:
            write_text(args["sysctl_file"], "".join(plan.lines))
        if plan.reloads:
            _reload(args)
    return {"changed": plan.changes}


def check_arguments(args: Dict[str, Any]) -> None:
    """Raise for what would be no line of the file, or another one."""
    if not args["name"].strip():
        raise Failed("name cannot be blank")
    if args["state"] == "present" and args["value"] == "":
        raise Failed("value cannot be blank")
    for name in ("name", "value"):
        if re.search("[\r\n]", (args[name] or "").strip()):
            raise Failed(f"{name} is a part of one line: it can have no line break")


def parse_value(value: Optional[str]) -> str:
    """The value as the kernel has it: words for true and false are numbers there."""
    text = (value or "").strip()
    if text.lower() in TRUE_WORDS:
        return "1"
    return "0" if text.lower() in FALSE_WORDS else text


def decide(args: Dict[str, Any], value: str, lines: List[str], current: Optional[str]) -> Plan:
    """Compare with the file, and with the kernel where that is to have the value now."""
    is_present = args["state"] == "present"
    planned = plan_lines(lines, args["name"].strip(), value if is_present else None)
    is_other = current is None or current.split() != value.split()
    is_stale = is_present and args["reload"] and is_other
    writes = planned != lines
    return Plan(
        planned,
        writes=writes,
        sets=is_present and args["sysctl_set"] and is_other,
        reloads=args["reload"] and (writes or is_stale),
    )


def plan_lines(lines: List[str], name: str, value: Optional[str]) -> List[str]:
    """Have one line that sets the parameter, or none; all others stay as they are.

    Of several the last one counts, as it does for sysctl itself.
    """
    found = [(place, parse_line(line)) for place, line in enumerate(lines)]
    places = [place for place, words in found if words and words[0] == name]
    if value is None:
        return [line for place, line in enumerate(lines) if place not in places]
    wanted = f"{name}={value}\n"
    if not places:
        return [*lines, wanted]
    if parse_line(lines[places[-1]]) == [name, value]:
        return lines
    planned = [line for place, line in enumerate(lines) if place not in places[1:]]
    planned[places[0]] = wanted
    return planned


def parse_line(line: str) -> Optional[List[str]]:
    """Name and value; None for a line that sets nothing."""
    text = line.strip()
    if text.startswith(_COMMENTS) or "=" not in text:
        return None
    return [part.strip() for part in text.split("=", 1)]


def _read_current(name: str) -> Optional[str]:
    """The value that the kernel has; None where it has no such parameter."""
    shown = _sysctl("-e", "-n", name.strip())
    return None if shown.rc else shown.stdout.strip()


def _set(args: Dict[str, Any], value: str) -> None:
    options = ["-e"] if args["ignoreerrors"] else []
    done = _sysctl(*options, "-w", args["name"].strip() + "=" + value)
    if _has_failed(done):
        raise Failed(f"setting {args['name']} failed: {done.stdout}{done.stderr}")


def _reload(args: Dict[str, Any]) -> None:
    options = ["-e"] if args["ignoreerrors"] else []
    done = _sysctl(*options, "-p", args["sysctl_file"])
    if _has_failed(done):
        raise Failed(f"Failed to reload sysctl: {done.stdout}{done.stderr}")


def _has_failed(done: Finished) -> bool:
    return done.rc != 0 or any(
        line.endswith(_COMPLAINTS) for line in done.stderr.strip().splitlines()
    )


def _sysctl(*words: str) -> Finished:
    program = find_program("sysctl")
    if program is None:
        raise Failed('Failed to find required executable "sysctl": install procps')
    return run_command([program, *words])

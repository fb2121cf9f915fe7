"""The ``group`` module: a group of accounts, there or not, with its number."""

from typing import Any, Dict, List, Optional

from lpse_ops.agent.accounts import find_group, find_local_group
from lpse_ops.agent.commands import Finished, find_program, run_command
from lpse_ops.agent.context import Context, Failed

ARGUMENTS: Dict[str, Dict[str, Any]] = {
    "state": {"type": "str", "default": "present", "choices": ["absent", "present"]},
    "name": {"type": "str", "required": True},
    "force": {"type": "bool", "default": False},
    "gid": {"type": "int"},
    "system": {"type": "bool", "default": False},
    "local": {"type": "bool", "default": False},
    "non_unique": {"type": "bool", "default": False},
    "gid_min": {"type": "int"},
    "gid_max": {"type": "int"},
}
RULES: Dict[str, Any] = {"required_if": [("non_unique", True, ["gid"])]}
CHECK_MODE = "full"


def run(args: Dict[str, Any], context: Context) -> Dict[str, Any]:
    """Add, change or remove the group; in check mode only say what would change."""
    name, state = args["name"], args["state"]
    check_arguments(args)
    gid = read_gid(name, local=args["local"])
    argv = plan_command(args, gid)
    if argv and context.check_mode and (gid is None or state == "absent"):
        # Nothing is known about a group that is still to come, or to go.
        return {"changed": True}
    result = {"changed": bool(argv), "name": name, "state": state}
    if argv and not context.check_mode:
        result.update(_outputs(_do(argv, name)))
        gid = read_gid(name, local=args["local"])
    if state == "present":
        result["system"] = args["system"]
        if gid is not None:
            result["gid"] = gid
    return result


def check_arguments(args: Dict[str, Any]) -> None:
    """Raise for what makes no sense together."""
    if args["force"] and args["local"]:
        text = "force is not a valid option for local, force=True and local=True are mutually "
        raise Failed(text + "exclusive")
    for name in ("gid_min", "gid_max"):
        if args["local"] and args[name] is not None:
            raise Failed(f"'local' can not specify '{name}'")


def plan_command(args: Dict[str, Any], gid: Optional[int]) -> List[str]:
    """Return the command that brings the group, whose number is ``gid``, to what is asked for."""
    name, wanted = args["name"], args["gid"]
    prefix = "l" if args["local"] else ""
    number = [] if wanted is None else ["-g", str(wanted)]
    unique = ["-o"] if args["non_unique"] and wanted is not None and not args["local"] else []
    if args["state"] == "absent":
        force = ["-f"] if args["force"] else []
        return [prefix + "groupdel", *force, name] if gid is not None else []
    if gid is None:
        system = ["-r"] if args["system"] else []
        return [prefix + "groupadd", *number, *unique, *system, *_limits(args), name]
    if wanted is None or wanted == gid:
        return []
    return [prefix + "groupmod", *number, *unique, name]


def read_gid(name: str, *, local: bool) -> Optional[int]:
    """Number of the group, None when there is none."""
    group = find_local_group(name) if local else find_group(name)
    return group.gr_gid if group and group.gr_name == name else None


def _limits(args: Dict[str, Any]) -> List[str]:
    words = []
    for name in ("gid_min", "gid_max"):
        if args[name] is not None:
            words += ["-K", f"{name.upper()}={args[name]}"]
    return words


def _do(argv: List[str], name: str) -> Finished:
    program = find_program(argv[0])
    if program is None:
        raise Failed(f"Failed to find required executable {argv[0]!r}", name=name)
    finished = run_command([program, *argv[1:]])
    if finished.rc:
        raise Failed(finished.stderr, name=name)
    return finished


def _outputs(finished: Finished) -> Dict[str, str]:
    outputs = {"stdout": finished.stdout, "stderr": finished.stderr}
    return {key: text for key, text in outputs.items() if text}

"""The ``ufw`` module: rules, policies and state of the uncomplicated firewall.

Runs on the managed host: standard library and ``lpse_ops.agent`` only, Python 3.6.  What changes is
read from ufw's own files, which also tell of a firewall that is not active.
"""

from typing import Any, Dict, List

from lpse_ops.agent.commands import find_program, run_command
from lpse_ops.agent.context import Context, Failed
from lpse_ops.agent.ufwrules import (
    Firewall,
    changes_log,
    changes_rules,
    parse_firewall,
    place_of_rule,
    rule_words,
    shown,
)

ARGUMENTS: Dict[str, Dict[str, Any]] = {
    "state": {"type": "str", "choices": ["enabled", "disabled", "reloaded", "reset"]},
    "default": {"type": "str", "aliases": ["policy"], "choices": ["allow", "deny", "reject"]},
    "logging": {"type": "str", "choices": ["full", "high", "low", "medium", "off", "on"]},
    "direction": {"type": "str", "choices": ["in", "incoming", "out", "outgoing", "routed"]},
    "delete": {"type": "bool", "default": False},
    "route": {"type": "bool", "default": False},
    "insert": {"type": "int"},
    "insert_relative_to": {
        "type": "str",
        "choices": ["zero", "first-ipv4", "last-ipv4", "first-ipv6", "last-ipv6"],
        "default": "zero",
    },
    "rule": {"type": "str", "choices": ["allow", "deny", "limit", "reject"]},
    "interface": {"type": "str", "aliases": ["if"]},
    "interface_in": {"type": "str", "aliases": ["if_in"]},
    "interface_out": {"type": "str", "aliases": ["if_out"]},
    "log": {"type": "bool", "default": False},
    "from_ip": {"type": "str", "default": "any", "aliases": ["from", "src"]},
    "from_port": {"type": "str"},
    "to_ip": {"type": "str", "default": "any", "aliases": ["dest", "to"]},
    "to_port": {"type": "str", "aliases": ["port"]},
    "proto": {
        "type": "str",
        "aliases": ["protocol"],
        "choices": ["ah", "any", "esp", "ipv6", "tcp", "udp", "gre", "igmp", "vrrp"],
    },
    "name": {"type": "str", "aliases": ["app"]},
    "comment": {"type": "str"},
}
RULES: Dict[str, Any] = {
    "mutually_exclusive": [
        ["name", "proto", "logging"],
        ["direction", "interface_in"],
        ["direction", "interface_out"],
    ],
    "required_one_of": [["state", "default", "rule", "logging"]],
    "required_by": {"interface": ["direction"]},
}
CHECK_MODE = "full"

_VERBS = {"enabled": "enable", "disabled": "disable", "reloaded": "reload", "reset": "reset"}
_FILES = ("/etc/default/ufw", "/etc/ufw/ufw.conf")
_RULES = ("user.rules", "user6.rules")
_RULES_FOLDERS = ("/lib/ufw", "/etc/ufw", "/var/lib/ufw")


class Ufw:
    """The program, and what it was asked so far."""

    def __init__(self) -> None:
        self._program = find_program("ufw")
        self.commands: List[str] = []
        if self._program is None:
            raise Failed('Failed to find required executable "ufw"')

    def ask(self, *words: str, told: bool = True) -> str:
        """What ufw prints, and what results tell of; the task fails if ufw does."""
        argv = [self._program or "", *words]
        if told:
            self.commands.append(shown(argv))
        done = run_command(argv)
        if done.rc != 0:
            raise Failed(done.stderr or done.stdout, commands=self.commands)
        return done.stdout


def run(args: Dict[str, Any], context: Context) -> Dict[str, Any]:
    """Do whatever was asked, in a fixed order: state, policy, rule, logging."""
    _check(args)
    ufw = Ufw()
    before = _read_firewall(ufw.ask("status", "verbose"))
    if context.check_mode:
        return {"changed": _would_change(args, before, ufw), "commands": ufw.commands}
    for words in _plan(args, ufw):
        ufw.ask(*words)
    status = ufw.ask("status", "verbose")
    changed = args["state"] in ("reloaded", "reset") or _read_firewall(status) != before
    return {"changed": changed, "commands": ufw.commands, "msg": status.rstrip()}


def _check(args: Dict[str, Any]) -> None:
    direction = args["direction"]
    if args["default"] and direction not in ("outgoing", "incoming", "routed", None):
        raise Failed(
            'For default, direction must be one of "outgoing", "incoming" and "routed", or '
            "direction must not be specified."
        )
    if args["rule"] and direction not in ("in", "out", None):
        raise Failed(
            'For rules, direction must be one of "in" and "out", or '
            "direction must not be specified."
        )
    if args["rule"] and not args["route"] and args["interface_in"] and args["interface_out"]:
        raise Failed("Only route rules can combine interface_in and interface_out")


def _plan(args: Dict[str, Any], ufw: Ufw) -> List[List[str]]:
    """What ufw is to be asked; each step may stand on the ones before it."""
    plan: List[List[str]] = []
    if args["state"]:
        # Else it asks whether it may cut the line that we are on.
        plan.append(["-f", _VERBS[args["state"]]])
    if args["default"]:
        direction = [args["direction"]] if args["direction"] else []
        plan.append(["default", args["default"], *direction])
    if args["rule"]:
        plan.append(_rule(args, ufw))
    if args["logging"]:
        plan.append(["logging", args["logging"]])
    return plan


def _would_change(args: Dict[str, Any], before: Firewall, ufw: Ufw) -> bool:
    changes = [args["state"] in ("reloaded", "reset")]
    if args["state"] in ("enabled", "disabled"):
        wanted = args["state"] == "enabled"
        changes.append(wanted != before.active or wanted != before.starts_at_boot)
    if args["default"]:
        changes.append(before.policies[args["direction"] or "incoming"] != args["default"])
    if args["rule"]:
        changes.append(changes_rules(ufw.ask("--dry-run", *_rule(args, ufw)), before))
    if args["logging"]:
        changes.append(changes_log(args["logging"], before.log_level))
    return any(changes)


def _rule(args: Dict[str, Any], ufw: Ufw) -> List[str]:
    place = None
    if args["insert"] is not None and not args["delete"]:
        is_absolute = args["insert_relative_to"] == "zero"
        numbered = "" if is_absolute else ufw.ask("status", "numbered", told=False)
        place = place_of_rule(args["insert"], args["insert_relative_to"], numbered)
    return rule_words(args, place)


def _read_firewall(status: str) -> Firewall:
    rules = ["".join(_read(f"{folder}/{name}") for folder in _RULES_FOLDERS) for name in _RULES]
    return parse_firewall(status, _read(_FILES[0]), _read(_FILES[1]), rules)


def _read(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            return file.read()
    except FileNotFoundError:
        return ""
    except OSError as error:
        raise Failed(f"cannot read {path}: {error.strerror}") from error

"""The ``firewalld`` module: services, ports, rules and zones of firewalld, now and for good.

Runs on the managed host: standard library and ``lpse_ops.agent`` only, Python 3.6.
"""

from typing import Any, Callable, Dict, List, NamedTuple, Union

from lpse_ops.agent.context import Context, Failed
from lpse_ops.agent.firewalld import (
    FOR_GOOD,
    NOW,
    Firewalld,
    FirewallProblem,
    Setting,
    Target,
    Zone,
    explain,
)

ARGUMENTS: Dict[str, Dict[str, Any]] = {
    "service": {"type": "str"},
    "protocol": {"type": "str"},
    "port": {"type": "str"},
    "port_forward": {"type": "list", "elements": "dict"},
    "rich_rule": {"type": "str"},
    "source": {"type": "str"},
    "interface": {"type": "str"},
    "icmp_block": {"type": "str"},
    "icmp_block_inversion": {"type": "bool"},
    "forward": {"type": "bool"},
    "masquerade": {"type": "bool"},
    "target": {"type": "str", "choices": ["default", "ACCEPT", "DROP", "%%REJECT%%"]},
    "zone": {"type": "str"},
    "permanent": {"type": "bool", "default": False},
    "immediate": {"type": "bool", "default": False},
    "offline": {"type": "bool", "default": False},
    "timeout": {"type": "int", "default": 0},
    "state": {
        "type": "str",
        "required": True,
        "choices": ["absent", "disabled", "enabled", "present"],
    },
}
_OF_ZONE = [
    "service",
    "protocol",
    "port",
    "port_forward",
    "rich_rule",
    "source",
    "interface",
    "icmp_block",
]
_SWITCHES = ["icmp_block_inversion", "forward", "masquerade"]
_ONE_OF = ["icmp_block", "icmp_block_inversion", "service", "protocol", "port", "port_forward"]
_ONE_OF += ["rich_rule", "interface", "forward", "masquerade", "source", "target"]
RULES: Dict[str, Any] = {
    "required_by": {"interface": ["zone"], "target": ["zone"]},
    "mutually_exclusive": [_ONE_OF],
}
CHECK_MODE = "full"

_NOT_PERMANENT = (
    "Zone operations must be permanent. Make sure you didn't set the 'permanent' flag to 'false' "
    "or the 'immediate' flag to 'true'."
)
Item = Union[Setting, Target, Zone]


class Change(NamedTuple):
    """What is to be so or not to be so, and what is said when it was changed."""

    item: Item
    wanted: bool
    message: str


def run(args: Dict[str, Any], context: Context) -> Dict[str, Any]:
    """Bring one setting to the wanted state on the sides that were asked for."""
    _check(args)
    firewall = Firewalld()
    sides = sides_of(args, is_running=firewall.is_running)
    said = [_about(sides)]
    try:
        change = change_of(args, args["zone"] or firewall.default_zone)
        if change is None:
            return {"changed": False, "msg": _join([], firewall)}
        if NOW in sides and not isinstance(change.item, Setting):
            raise Failed(_NOT_PERMANENT)
        due = [each for each in sides if change.item.is_set(firewall, each) != change.wanted]
        if due and context.check_mode:
            return {"changed": True}
        for side in due:
            change.item.change(firewall, side, wanted=change.wanted)
    except FirewallProblem as problem:
        raise Failed(explain(problem, said)) from problem
    return {
        "changed": bool(due),
        "msg": _join([*said, *([change.message] if due else [])], firewall),
    }


def sides_of(args: Dict[str, Any], *, is_running: bool) -> List[str]:
    """Which sides a task is about; without ``permanent`` it is the one that is not."""
    immediate = args["immediate"]
    if args["offline"]:
        if not args["permanent"]:
            raise Failed("offline cannot be enabled unless permanent changes are allowed")
        immediate = immediate and is_running
    immediate = immediate or not args["permanent"]
    if immediate and not is_running:
        raise Failed(
            "firewall is not currently running, unable to perform immediate actions without a "
            "running firewall daemon"
        )
    return ([FOR_GOOD] if args["permanent"] else []) + ([NOW] if immediate else [])


def change_of(args: Dict[str, Any], zone: str) -> Any:
    """The one ``Change`` that a task asks for, or None."""
    state = args["state"]
    name = next((each for each in (*_OF_ZONE, *_SWITCHES) if args[each] is not None), None)
    if name in _SWITCHES:
        wanted = (state == "enabled") == args[name]
        word = name.replace("_", "-")
        message = f"Changed {word} {args[name]} to {state}"
        if name != "icmp_block_inversion":
            message = _moved(name, zone, wanted=wanted)
        return Change(Setting(word, zone), wanted, message)
    if name is not None:
        return _change_of_zone(args, name, zone)
    if args["target"] is not None:
        wanted = state in ("present", "enabled")
        message = f"Set zone {zone} target to {args['target']}"
        message = message if wanted else f"Reset zone {zone} target to default"
        return Change(Target(args["target"], zone), wanted, message)
    if state not in ("present", "absent"):
        return None
    wanted = state == "present"
    verb = "Added" if wanted else "Removed"
    return Change(Zone(zone), wanted, f"{verb} zone {zone}, Changed zone {zone} to {state}")


def _change_of_zone(args: Dict[str, Any], name: str, zone: str) -> Change:
    wanted = args["state"] == "enabled"
    value, shown = _VALUES.get(name, _plain)(args[name])
    words = "{}={}".format(_WORDS.get(name, name.replace("_", "-")), value)
    timeout = 0 if name in ("source", "interface") else args["timeout"]
    setting = Setting(words, zone, timeout, moves=name == "interface")
    word = {"icmp_block": "icmp-block"}.get(name, name)
    message = f"Changed {word} {shown} to {args['state']}"
    if name == "source":
        message = _moved(value, zone, wanted=wanted)
    if name == "interface":
        message = _moved(value, zone, wanted=wanted).replace("Added", "Changed")
    return Change(setting, wanted, message)


def _moved(what: str, zone: str, *, wanted: bool) -> str:
    return f"Added {what} to zone {zone}" if wanted else f"Removed {what} from zone {zone}"


def _plain(value: Any) -> Any:
    return value, value


def _port(value: str) -> Any:
    port, _, protocol = value.strip().partition("/")
    if not protocol:
        raise Failed("improper port format (missing protocol?)")
    return value.strip(), f"{port}/{protocol}"


def _forward(value: List[Dict[str, Any]]) -> Any:
    if len(value) > 1:
        raise Failed("Only one port forward supported at a time")
    forward = value[0] if value else {}
    for name, what in (("port", "port"), ("proto", "proto udp/tcp"), ("toport", "toport")):
        if name not in forward:
            raise Failed(f"{what} must be specified for port forward")
    names = ("port", "proto", "toport", "toaddr")
    words = [f"{name}={forward.get(name) or ''}" for name in names]
    return ":".join(words[:3] + words[3:] * bool(forward.get("toaddr"))), ":".join(words)


_VALUES: Dict[str, Callable[[Any], Any]] = {"port": _port, "port_forward": _forward}
_WORDS = {"port_forward": "forward-port"}


def _check(args: Dict[str, Any]) -> None:
    settings = [args[name] for name in (*_OF_ZONE, *_SWITCHES)]
    if any(settings) and args["state"] in ("absent", "present"):
        raise Failed("absent and present state can only be used in zone level operations")


def _about(sides: List[str]) -> str:
    if len(sides) == 2:
        return "Permanent and Non-Permanent(immediate) operation"
    return "Permanent operation" if sides == [FOR_GOOD] else "Non-permanent operation"


def _join(said: List[str], firewall: Firewalld) -> str:
    if not firewall.is_running:
        said = [*said, "(offline operation: only on-disk configs were altered)"]
    return ", ".join(said)

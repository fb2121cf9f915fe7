"""The ``systemd_service`` module (``systemd``): a unit's state now, at boot, and whether masked.

Facts in (`systemctl show`, `is-enabled`), verbs decided, verbs run, in this order: unmask or mask,
enable or disable, then start, stop, restart or reload.
"""

import os
import re
from typing import Any, Callable, Dict, List, NamedTuple, Optional

from lpse_ops.agent.commands import Finished, english, find_program, run_command
from lpse_ops.agent.context import Context, Failed

ARGUMENTS: Dict[str, Dict[str, Any]] = {
    "name": {"type": "str", "aliases": ["service", "unit"]},
    "state": {"type": "str", "choices": ["reloaded", "restarted", "started", "stopped"]},
    "enabled": {"type": "bool"},
    "force": {"type": "bool"},
    "masked": {"type": "bool"},
    "daemon_reload": {"type": "bool", "default": False, "aliases": ["daemon-reload"]},
    "daemon_reexec": {"type": "bool", "default": False, "aliases": ["daemon-reexec"]},
    "scope": {"type": "str", "default": "system", "choices": ["system", "user", "global"]},
    "no_block": {"type": "bool", "default": False},
}
RULES: Dict[str, Any] = {
    "required_one_of": [["state", "enabled", "masked", "daemon_reload", "daemon_reexec"]],
    "required_by": {"state": ["name"], "enabled": ["name"], "masked": ["name"]},
}
CHECK_MODE = "full"

# Answers of is-enabled with exit status 0 that do not mean "starts at boot", unless links follow.
_NOT_ENABLED = (["indirect"], ["alias"])
_TYPES = [
    *("automount", "device", "mount", "path", "scope", "service", "slice", "socket", "swap"),
    *("target", "timer"),
]
_OFFLINE = (
    "Target is a chroot or systemd is offline. This can lead to false positives or prevent the "
    "init system tools from working."
)
_PROPERTY = re.compile(r"([A-Z][A-Za-z0-9]*)=(.*)")

Systemctl = Callable[..., Finished]


class Unit(NamedTuple):
    """What systemd knows about a unit; ``enabled`` is None when nobody asked.

    In a chroot nobody knows what runs: ``is_offline``, and ``status`` is what its file says.
    """

    status: Dict[str, str]
    enabled: Optional[bool]
    is_offline: bool = False

    @property
    def is_known(self) -> bool:
        return self.status.get("LoadState", "not-found") != "not-found"

    @property
    def is_masked(self) -> bool:
        return self.status.get("LoadState") == "masked"

    @property
    def is_running(self) -> bool:
        return self.status.get("ActiveState") in ("active", "activating", "reloading")

    @property
    def is_stopping(self) -> bool:
        return self.status.get("ActiveState") == "deactivating"


def run(args: Dict[str, Any], context: Context) -> Dict[str, Any]:
    """Bring the unit to what is asked for; in check mode only say what would change."""
    systemctl = _open_systemctl(args)
    for verb in ("daemon-reexec", "daemon-reload"):
        if args[verb.replace("-", "_")] and not context.check_mode:
            finished = systemctl(verb)
            if finished.rc:
                text = "failure {} during {}: {}"
                raise Failed(text.format(finished.rc, verb, finished.stderr))
    name = args["name"]
    if name is None:
        return {"changed": False, "name": None, "status": {}}
    check_name(name)
    unit = read_unit(name, systemctl, asks_enabled=args["enabled"] is not None)
    check_unit(name, unit, args)
    verbs = plan_verbs(unit, args)
    if not context.check_mode:
        for verb in verbs:
            _do(systemctl, verb, name, forced=bool(args["force"]))
    return report(name, unit, args, verbs)


def plan_verbs(unit: Unit, args: Dict[str, Any]) -> List[str]:
    """Return the systemctl verbs, in order, that bring a unit to what the arguments ask for."""
    verbs = []
    if args["masked"] is not None and args["masked"] != unit.is_masked:
        verbs.append("mask" if args["masked"] else "unmask")
    if args["enabled"] is not None and args["enabled"] != unit.enabled:
        verbs.append("enable" if args["enabled"] else "disable")
    state = plan_state(args["state"], unit)
    return [*verbs, state] if state else verbs


def plan_state(state: Optional[str], unit: Unit) -> Optional[str]:
    """Return the verb for the wanted state, None when the unit is in it, or nobody can know."""
    if unit.is_offline:
        return None
    if state == "stopped":
        return "stop" if unit.is_running or unit.is_stopping else None
    if state == "started" or (state and not unit.is_running):
        return None if unit.is_running else "start"
    return {"reloaded": "reload", "restarted": "restart"}.get(state or "")


def report(name: str, unit: Unit, args: Dict[str, Any], verbs: List[str]) -> Dict[str, Any]:
    """Ansible's keys; ``status`` is what it was before."""
    result: Dict[str, Any] = {"name": name, "changed": bool(verbs), "status": unit.status}
    if args["enabled"] is not None:
        result["enabled"] = args["enabled"]
    if args["state"] is not None:
        result["state"] = "stopped" if args["state"] == "stopped" else "started"
        if unit.is_offline:
            result["warnings"] = [_OFFLINE]
    return result


def check_name(name: str) -> None:
    for letter in "*?[":
        if letter in name:
            text = "This module does not currently support using glob patterns, found '{}' in "
            raise Failed((text + "service name: {}").format(letter, name))


def check_unit(name: str, unit: Unit, args: Dict[str, Any]) -> None:
    """Raise when nothing can be done with the unit."""
    if unit.status.get("LoadState") in ("error", "bad-setting"):
        reason = unit.status.get("LoadError", "unknown")
        raise Failed(f"Error loading unit file '{name}': {reason}")
    if not unit.is_known and (args["enabled"] is not None or args["state"] is not None):
        raise Failed(f"Could not find the requested service {name}: host")


def read_unit(name: str, systemctl: Systemctl, *, asks_enabled: bool) -> Unit:
    """Ask systemd about a unit."""
    shown = systemctl("show", name)
    if shown.rc:
        outputs = {"rc": shown.rc, "stdout": shown.stdout, "stderr": shown.stderr}
        raise Failed(shown.stderr.strip(), cmd=find_program("systemctl"), **outputs)
    enabled = read_enabled(systemctl("is-enabled", "--full", name)) if asks_enabled else None
    status = parse_show(shown.stdout)
    if status:
        return Unit(status, enabled)
    listed = systemctl("list-unit-files", "--no-legend", full_name(name))
    return Unit(parse_unit_file(listed.stdout), enabled, is_offline=True)


def read_enabled(finished: Finished) -> bool:
    """Read the answer of is-enabled: its exit status, and what it says besides one word."""
    lines = finished.stdout.splitlines()
    lasts = lines[:1] != ["enabled-runtime"] and lines not in _NOT_ENABLED
    return finished.rc == 0 and lasts


def parse_show(text: str) -> Dict[str, str]:
    """Properties that ``systemctl show`` prints; a value may go on in the next lines."""
    properties: Dict[str, str] = {}
    last = ""
    for line in text.splitlines():
        found = _PROPERTY.match(line)
        if found:
            last = found.group(1)
            properties[last] = found.group(2).strip()
        elif last:
            properties[last] += "\n" + line
    return properties


def full_name(name: str) -> str:
    """Name of a unit with its type, which is a service where nothing is said."""
    return name if name.rpartition(".")[2] in _TYPES else name + ".service"


def parse_unit_file(text: str) -> Dict[str, str]:
    """What a line of ``list-unit-files`` says of a unit; nothing where there is none."""
    words = text.split()
    if len(words) < 2:
        return {}
    return {"LoadState": "masked" if words[1].startswith("masked") else "loaded"}


def _open_systemctl(args: Dict[str, Any]) -> Systemctl:
    program = find_program("systemctl")
    if program is None:
        raise Failed('Failed to find required executable "systemctl" in paths: ' + _searched())
    options = [program]
    environment = english(os.environ)
    if args["scope"] != "system":
        options.append("--" + args["scope"])
    if args["scope"] == "user":
        # Where the account's own systemd listens; a login sets it, sudo does not.
        environment.setdefault("XDG_RUNTIME_DIR", f"/run/user/{os.geteuid()}")
    if args["no_block"]:
        options.append("--no-block")

    def systemctl(*words: str) -> Finished:
        return run_command([*options, *words], environment=environment)

    return systemctl


def _searched() -> str:
    return os.environ.get("PATH", "")


def _do(systemctl: Systemctl, verb: str, name: str, *, forced: bool) -> None:
    options = ["--force"] if forced else []
    finished = systemctl(*options, verb, name)
    if finished.rc:
        said = finished.stderr or finished.stdout
        if verb in ("mask", "unmask"):
            raise Failed(f"Failed to {verb} the service ({name}): {said.strip()}")
        raise Failed(f"Unable to {verb} service {name}: {said}")

"""The ``service_facts`` module: all services of the host, whether they run and start at boot."""

import os
import re
from typing import Any, Callable, Dict, List, Optional

from lpse_ops.agent.commands import find_program, run_command
from lpse_ops.agent.context import Context

ARGUMENTS: Dict[str, Dict[str, Any]] = {}
CHECK_MODE = "full"

Services = Dict[str, Dict[str, str]]
# Asks a program for its output; None where there is no such program.
Ask = Callable[..., Optional[str]]

_ENDINGS = (".service",)
# A unit's load or active state that says more than what its file says.
_BAD = ("not-found", "masked", "failed")
_BULLETS = ("●", "○", "×", "↻", "*")
_NO_SERVICES = (
    "Failed to find any services. This can be due to privileges or some other configuration issue."
)


def run(args: Dict[str, Any], context: Context) -> Dict[str, Any]:
    """Return the fact ``services``: name to state, status and source."""
    services: Services = {}
    services.update(read_scripts(_ask, _has))
    services.update(read_openrc(_ask, _has))
    if os.path.isdir("/run/systemd/system"):
        services.update(read_systemd(_ask))
    if not services:
        return {"skipped": True, "msg": _NO_SERVICES}
    return {"ansible_facts": {"services": services}}


def read_systemd(ask: Ask) -> Services:
    """Services that systemd knows, and those that are only in files."""
    units = ask("systemctl", "list-units", "--no-pager", "--type", "service", "--all", "--plain")
    files = ask("systemctl", "list-unit-files", "--no-pager", "--type", "service", "--all")
    services = parse_units(units or "")
    statuses = parse_unit_files(files or "")
    for name, status in statuses.items():
        if name in services and services[name]["status"] not in _BAD:
            services[name]["status"] = status
    missing = [name for name in statuses if name not in services]
    states = _read_states(missing, ask)
    for name in missing:
        services[name] = _service(name, states.get(name, "unknown"), statuses[name], "systemd")
    return services


def parse_units(text: str) -> Services:
    """Read ``UNIT LOAD ACTIVE SUB DESCRIPTION``; older ones mark bad units with a bullet."""
    services: Services = {}
    for line in text.splitlines():
        fields = line.split()
        if fields and fields[0] in _BULLETS:
            fields.pop(0)
        if len(fields) < 4 or not fields[0].endswith(_ENDINGS):
            continue
        # What no file knows, an instance of a template, has its active state for one.
        status = next((word for word in _BAD if word in fields), fields[2])
        state = "running" if fields[3] == "running" else "stopped"
        services[fields[0]] = _service(fields[0], state, status, "systemd")
    return services


def parse_unit_files(text: str) -> Dict[str, str]:
    """Read ``UNIT FILE STATE PRESET``."""
    rows = (line.split() for line in text.splitlines())
    return {row[0]: row[1] for row in rows if len(row) > 1 and row[0].endswith(_ENDINGS)}


def _read_states(names: List[str], ask: Ask) -> Dict[str, str]:
    """Active states of units, asked for at once; a template has none."""
    units = [name for name in names if "@." not in name]
    if not units:
        return {}
    shown = ask("systemctl", "show", "--property=Id,Names,ActiveState", "--", *units) or ""
    return parse_states(shown)


def parse_states(text: str) -> Dict[str, str]:
    """Read blocks of properties; a unit has its state under each of its names."""
    states = {}
    for block in text.split("\n\n"):
        pairs = dict(line.partition("=")[::2] for line in block.splitlines())
        for name in [pairs.get("Id", ""), *pairs.get("Names", "").split()]:
            states[name] = pairs.get("ActiveState", "unknown")
    return states


def read_scripts(ask: Ask, has: Callable[[str], bool]) -> Services:
    """Services with a script in /etc/init.d, as the family's own program lists them."""
    if has("chkconfig"):
        statuses = parse_chkconfig(ask("chkconfig", "--list") or "")
        return {name: _service_of_script(name, statuses[name], ask) for name in statuses}
    return {} if has("rc-status") else parse_status_all(ask("service", "--status-all") or "")


def _service_of_script(name: str, status: str, ask: Ask) -> Dict[str, str]:
    is_running = ask("service", name, "status", needs_success=True) is not None
    return _service(name, "running" if is_running else "stopped", status, "sysv")


def parse_status_all(text: str) -> Services:
    """Read Debian's `` [ + ]  cron``; of those with a question mark nothing is known."""
    services: Services = {}
    for line in text.splitlines():
        found = re.match(r"\s*\[ ([+-]) \]\s+(.+)", line)
        if found:
            state = "running" if found.group(1) == "+" else "stopped"
            services[found.group(2)] = {"name": found.group(2), "state": state, "source": "sysv"}
    return services


def parse_chkconfig(text: str) -> Dict[str, str]:
    """Read Red Hat's ``network  0:off 1:off 2:on 3:on 4:on 5:on 6:off``: level 3 counts."""
    statuses = {}
    for line in text.splitlines():
        found = re.match(r"(\S+)\s+0:\w+\s.*\b3:(on|off)\b", line)
        if found:
            statuses[found.group(1)] = "enabled" if found.group(2) == "on" else "disabled"
    return statuses


def read_openrc(ask: Ask, has: Callable[[str], bool]) -> Services:
    """Services of OpenRC."""
    if has("chkconfig") or not has("rc-status") or not has("rc-update"):
        return {}
    states = ask("rc-status", "-a", "-s", "-m") or ""
    return parse_openrc(states, ask("rc-update", "show", "-v") or "")


def parse_openrc(states: str, levels: str) -> Services:
    """Read `` sshd  [  started  ]``, and the run levels of ``sshd | default``."""
    rows = (line.partition("|") for line in levels.splitlines())
    runlevels = {name.strip(): words.split() for name, bar, words in rows if bar}
    services: Services = {}
    for line in states.splitlines():
        found = re.match(r"\s+(\S+)\s+\[\s*(\w+)", line)
        if found and found.group(1) in runlevels:
            name, state = found.groups()
            service: Dict[str, Any] = {"name": name, "state": state, "source": "openrc"}
            service["runlevels"] = runlevels[name]
            services[name] = service
    return services


def _service(name: str, state: str, status: str, source: str) -> Dict[str, str]:
    return {"name": name, "state": state, "status": status, "source": source}


def _has(program: str) -> bool:
    return find_program(program) is not None


def _ask(*argv: str, needs_success: bool = False) -> Optional[str]:
    program = find_program(argv[0])
    if program is None:
        return None
    done = run_command([program, *argv[1:]])
    return None if needs_success and done.rc else done.stdout

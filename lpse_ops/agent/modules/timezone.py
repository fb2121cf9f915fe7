"""The ``timezone`` module: the host's time zone, and in which its hardware clock is."""

import os
import re
import tempfile
from typing import Any, Callable, Dict, List, NamedTuple, Optional

from lpse_ops.agent.commands import find_program, run_command
from lpse_ops.agent.context import Context, Failed
from lpse_ops.agent.facts.hostfiles import read_text
from lpse_ops.agent.replacing import write_atomically

ARGUMENTS: Dict[str, Dict[str, Any]] = {
    "name": {"type": "str"},
    "hwclock": {"type": "str", "choices": ["local", "UTC"], "aliases": ["rtc"]},
}
RULES: Dict[str, Any] = {"required_one_of": [["name", "hwclock"]]}
CHECK_MODE = "full"

_ZONES = "/usr/share/zoneinfo"
_LOCALTIME = "/etc/localtime"
_TIMEZONE = "/etc/timezone"
_ADJTIME = "/etc/adjtime"
# Of hosts from before systemd.
_SYSCONFIG = "/etc/sysconfig/clock"
_NOT_KNOWN = "n/a"

Values = Dict[str, str]


class _Clock(NamedTuple):
    """How this host keeps its zone; ``change`` returns what it ran."""

    read: Callable[[], Values]
    change: Callable[[str, str], List[str]]


def run(args: Dict[str, Any], context: Context) -> Dict[str, Any]:
    """Have the zone and the clock be as asked for; what nobody asked for stays."""
    wanted = {key: args[key] for key in ("name", "hwclock") if args[key] is not None}
    if "name" in wanted:
        check_zone(wanted["name"])
    clock = _find_clock()
    before = _only(clock.read(), wanted)
    messages: List[str] = []
    if not context.check_mode:
        for key, value in wanted.items():
            if before[key] != value:
                messages += clock.change(key, value)
        after = _only(clock.read(), wanted)
        if after != wanted:
            text = "still not desired state, though changes have made - planned: {}, after: {}"
            raise Failed("Error message:\n" + text.format(wanted, after))
    result: Dict[str, Any] = {"changed": before != wanted}
    result["diff"] = {"before": before, "after": wanted}
    return dict(result, msg="\n".join(messages)) if messages else result


def check_zone(name: str, folder: str = _ZONES) -> None:
    """Raise unless the zone is one of the host's."""
    path = os.path.join(folder, name)
    is_inside = os.path.normpath(path).startswith(folder + os.sep)
    if not is_inside or not os.path.isfile(path):
        raise Failed(f'Error message:\ngiven timezone "{name}" is not available')


def parse_status(text: str) -> Values:
    """Read what timedatectl says; older ones write ``Timezone``."""
    zone = re.search(r"^\s*Time ?zone\s*:\s*(\S+)", text, re.MULTILINE)
    local = re.search(r"^\s*RTC in local TZ\s*:\s*(\S+)", text, re.MULTILINE)
    hwclock = {"yes": "local", "no": "UTC"}.get(local.group(1) if local else "", _NOT_KNOWN)
    return {"name": zone.group(1) if zone else _NOT_KNOWN, "hwclock": hwclock}


def parse_adjtime(text: str) -> str:
    """The third line of /etc/adjtime, see hwclock(8); without one it is UTC."""
    lines = text.split("\n")
    return "local" if lines[2:] and lines[2].strip() == "LOCAL" else "UTC"


def zone_of_link(target: str, folder: str = _ZONES) -> Optional[str]:
    """The zone that /etc/localtime leads to."""
    path = os.path.normpath(os.path.join("/etc", target))
    return path[len(folder) + 1 :] if path.startswith(folder + "/") else None


def _only(values: Values, keys: Values) -> Values:
    return {key: values[key] for key in keys}


def _find_clock() -> _Clock:
    program = find_program("timedatectl")
    if program and run_command([program]).rc == 0:
        return _Clock(lambda: parse_status(run_command([str(program), "status"]).stdout), _tell)
    return _Clock(_read_files, _change_files)


def _tell(key: str, value: str) -> List[str]:
    """Let systemd do it."""
    if key == "name":
        return [_run(["timedatectl", "set-timezone", value])]
    return [_run(["timedatectl", "set-local-rtc", "yes" if value == "local" else "no"])]


def _run(argv: List[str]) -> str:
    program = find_program(argv[0])
    if program is None:
        raise Failed(f'Failed to find required executable "{argv[0]}"')
    done = run_command([program, *argv[1:]])
    words = " ".join([program, *argv[1:]])
    if done.rc:
        raise Failed(f"Error message:\ncannot run {words}: {done.stderr.strip()}", rc=done.rc)
    return f"executed `{words}`"


def _read_files() -> Values:
    """What the files say; a zone that they do not agree on is none."""
    zone = zone_of_link(os.readlink(_LOCALTIME)) if os.path.islink(_LOCALTIME) else None
    written = read_text(_TIMEZONE)
    if zone is None or (written and written != zone):
        zone = written if zone is None and _is_copy(written) else _NOT_KNOWN
    return {"name": zone, "hwclock": parse_adjtime(read_text(_ADJTIME))}


def _is_copy(zone: str) -> bool:
    """Whether /etc/localtime is a copy of the zone's file, as older hosts have it."""
    try:
        with open(os.path.join(_ZONES, zone), "rb") as one, open(_LOCALTIME, "rb") as other:
            return one.read() == other.read()
    except OSError:
        return False


def _change_files(key: str, value: str) -> List[str]:
    if key == "hwclock":
        return [_run(["hwclock", "--systohc", "--localtime" if value == "local" else "--utc"])]
    _link_atomically(os.path.join(_ZONES, value), _LOCALTIME)
    messages = []
    for path, text in plan_files(value, os.path.exists):
        write_atomically(path, text(read_text(path)).encode("utf-8"), unsafe_writes=True)
        messages.append(f"Added 1 line and deleted 1 line(s) on {path}")
    return messages


def plan_files(zone: str, exists: Callable[[str], bool]) -> List[Any]:
    """The files besides that name the zone, with what makes their new text of the old."""
    plans: List[Any] = []
    if exists(_TIMEZONE) or exists("/etc/debian_version"):
        plans.append((_TIMEZONE, lambda _: zone + "\n"))
    if exists(_SYSCONFIG):
        plans.append((_SYSCONFIG, lambda text: _with_zone(text, zone)))
    return plans


def _with_zone(text: str, zone: str) -> str:
    lines = [line for line in text.split("\n") if line and not line.startswith("ZONE=")]
    return "".join(line + "\n" for line in [*lines, f'ZONE="{zone}"'])


def _link_atomically(target: str, path: str) -> None:
    folder = tempfile.mkdtemp(prefix=".lpse-ops-", dir=os.path.dirname(path))
    try:
        made = os.path.join(folder, "link")
        os.symlink(target, made)
        os.rename(made, path)
    except OSError as error:
        raise Failed(f"cannot write {path}: {error.strerror}") from error
    finally:
        for name in os.listdir(folder):
            os.unlink(os.path.join(folder, name))
        os.rmdir(folder)

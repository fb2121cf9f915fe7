"""The systemd units of the schedule, and what the service may touch: values to text.

The service runs as root, because the documents belong to several accounts, but it may write only
where a backup writes, and of root's powers it keeps those to read every file.  The password stays
in its file: only root can read that, and root is who runs the service.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import time
from pathlib import Path, PurePosixPath
from typing import Literal

Every = Literal["weekly", "monthly"]

PREFIX = "lpse-ops-"
# The first week of any month.
FIRST_DAYS = "*-*-01..07"
# Where PrivateTmp would put an empty folder.
_TEMPORARY = (PurePosixPath("/tmp"), PurePosixPath("/var/tmp"))  # noqa: S108 - names, no files
_READ_FILES = "CAP_DAC_READ_SEARCH CAP_DAC_OVERRIDE CAP_FOWNER"
# The scratch cluster of a drill runs as another account, and restores owners.
_RESTORE_FILES = f"{_READ_FILES} CAP_CHOWN CAP_SETUID CAP_SETGID CAP_KILL CAP_FSETID"


@dataclass(frozen=True)
class Plan:
    """What is to be scheduled; ``zone`` is an IANA name, ``program`` the words that start us.

    ``touched`` is all that is read or written, ``written`` only the latter.
    """

    program: tuple[str, ...]
    settings: Path
    state: Path
    zone: str
    at: time
    written: tuple[Path, ...]
    touched: tuple[Path, ...]
    has_disks: bool = False
    check: Every | None = None
    drill: Every | None = None


def render_units(plan: Plan) -> dict[str, str]:
    """File names of units and their text."""
    return {
        f"{PREFIX}backup.service": _job(plan, "backup", "Back SPSE up", _READ_FILES),
        f"{PREFIX}backup.timer": _timer(
            "Back SPSE up every day", f"*-*-* {plan.at:%H:%M}:00 {plan.zone}", "5m"
        ),
        f"{PREFIX}status.service": _status(plan),
        f"{PREFIX}status.timer": _timer(
            "Notice backups that have fallen silent", f"*-*-* 00/6:15:00 {plan.zone}", "10m"
        ),
        f"{PREFIX}failed@.service": _failed(plan),
        **_optional(plan),
    }


def timers(plan: Plan) -> list[str]:
    """The units to enable."""
    return [name for name in render_units(plan) if name.endswith(".timer")]


def _optional(plan: Plan) -> dict[str, str]:
    units = {}
    if plan.check is not None:
        when = _sometimes(plan.check, "Sun", plan)
        text = _job(plan, "check", "Read a part of the repository again", _READ_FILES)
        units[f"{PREFIX}check.service"] = text
        units[f"{PREFIX}check.timer"] = _timer("Check the repository", when, "30m")
    if plan.drill is not None:
        when = _sometimes(plan.drill, "Sat", plan)
        text = _job(plan, "drill", "Restore the newest snapshot for proof", _RESTORE_FILES)
        units[f"{PREFIX}drill.service"] = text
        units[f"{PREFIX}drill.timer"] = _timer("Restore drill", when, "30m")
    return units


def _sometimes(every: Every, weekday: str, plan: Plan) -> str:
    """Twelve hours away from the backup; monthly is the first such day of a month."""
    hour = (plan.at.hour + 12) % 24
    day = "*-*-*" if every == "weekly" else FIRST_DAYS
    return f"{weekday} {day} {hour:02}:{plan.at:%M}:00 {plan.zone}"


def _timer(description: str, calendar: str, delay: str) -> str:
    return f"""\
[Unit]
Description={description}

[Timer]
OnCalendar={calendar}
RandomizedDelaySec={delay}
AccuracySec=1min
# A run that was due while the machine was off is made up for.
Persistent=true

[Install]
WantedBy=timers.target
"""


def _job(plan: Plan, job: str, description: str, powers: str) -> str:
    words = [*plan.program, "backup", "schedule", "run", job, "--settings", str(plan.settings)]
    return f"""\
[Unit]
Description={description}
After=network-online.target postgresql.service time-sync.target
Wants=network-online.target
OnFailure={PREFIX}failed@%n.service

[Service]
Type=oneshot
ExecStart={_command(words)}
Nice=10
IOSchedulingClass=best-effort
IOSchedulingPriority=7
CPUSchedulingPolicy=batch
TimeoutStopSec=90
{_fence(plan, powers, is_drill=job == "drill")}"""


def _status(plan: Plan) -> str:
    words = [*plan.program, "backup", "status", "--notify", "--settings", str(plan.settings)]
    return f"""\
[Unit]
Description=Look whether the backups are well
After=network-online.target
Wants=network-online.target

[Service]
Type=oneshot
ExecStart={_command(words)}
# What is wrong was told: the watch itself did its work.
SuccessExitStatus=1
{_fence(plan, _READ_FILES)}"""


def _failed(plan: Plan) -> str:
    words = [*plan.program, "backup", "status", "--notify", "--settings", str(plan.settings)]
    return f"""\
[Unit]
Description=Tell that %i failed

[Service]
Type=oneshot
ExecStart={_command(words)}
SuccessExitStatus=1
{_fence(plan, _READ_FILES)}"""


def _fence(plan: Plan, powers: str, *, is_drill: bool = False) -> str:
    """What systemd lets the service do."""
    lines = [
        f"Environment={_quote(f'LPSE_OPS_STATE={plan.state}')}",
        "UMask=0077",
        f"CapabilityBoundingSet={powers}",
        "NoNewPrivileges=yes",
        "ProtectSystem=strict",
        *(f"ReadWritePaths={_quote(f'-{path}')}" for path in _writable(plan)),
        "ProtectHome=read-only",
        f"PrivateTmp={_yes(not _uses_temporary(plan.touched))}",
        # Portable disks are known by what stands in /dev/disk.
        f"PrivateDevices={_yes(not plan.has_disks)}",
        *(["DevicePolicy=closed", "DeviceAllow=block-* r"] if plan.has_disks else []),
        "ProtectKernelTunables=yes",
        "ProtectKernelModules=yes",
        "ProtectKernelLogs=yes",
        "ProtectControlGroups=yes",
        "ProtectClock=yes",
        "ProtectHostname=yes",
        "ProtectProc=invisible",
        "RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK",
        "RestrictNamespaces=yes",
        "RestrictRealtime=yes",
        "RestrictSUIDSGID=" + _yes(not is_drill),
        "LockPersonality=yes",
        # PostgreSQL compiles queries in the scratch cluster.
        "MemoryDenyWriteExecute=" + _yes(not is_drill),
        "KeyringMode=private",
        "RemoveIPC=yes",
        "SystemCallArchitectures=native",
        "SystemCallFilter=@system-service",
        "SystemCallFilter=~@mount @swap @reboot @module @raw-io @debug @obsolete @clock",
        "SystemCallErrorNumber=EPERM",
    ]
    return "\n".join(lines) + "\n"


def _writable(plan: Plan) -> list[Path]:
    """Besides, a drill needs a temporary folder, be it a private one."""
    shared = map(Path, _TEMPORARY) if _uses_temporary(plan.touched) else ()
    return list(dict.fromkeys((plan.state, *plan.written, *shared)))


def _uses_temporary(paths: Iterable[Path]) -> bool:
    return any(PurePosixPath(path).is_relative_to(each) for path in paths for each in _TEMPORARY)


def _yes(value: object) -> str:
    return "yes" if value else "no"


def _command(words: list[str]) -> str:
    return " ".join(_quote(word.replace("$", "$$")) for word in words)


def _quote(text: str) -> str:
    """A word as systemd reads it: its own signs doubled, in quotes where that is needed."""
    text = text.replace("%", "%%")
    if re.fullmatch(r"[A-Za-z0-9_@%+=:,./-]+", text):
        return text
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'

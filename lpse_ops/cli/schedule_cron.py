"""The schedule for cron, where there is no systemd.

Debian's cron knows only the machine's own time zone, so the hour is converted when the file is
written; Indonesia's zones have no summer time.
"""

import shlex
from collections.abc import Sequence
from datetime import datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

from lpse_ops.cli.schedule_units import Every, Plan

FILE = "lpse-ops"


def render_cron(plan: Plan, now: datetime) -> str:
    """The file for /etc/cron.d; ``now`` is in the machine's own zone."""
    at = convert(plan, now.tzinfo, now)
    lines = [
        f"# {plan.at:%H:%M} in {plan.zone}; cron's times are those of this machine.",
        "SHELL=/bin/sh",
        "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        f"LPSE_OPS_STATE={plan.state}",
        "",
        _line(f"{at.minute} {at.hour} * * *", _job(plan, "backup")),
        "# After the machine was off: what was missed is made up for.",
        _line("@reboot", "sleep 120; " + _job(plan, "backup", "--if-missed")),
        _line("15 */6 * * *", _words(plan, "status", "--notify")),
    ]
    if plan.check is not None:
        lines.append(_line(_sometimes(plan.check, at, 0), _job(plan, "check")))
    if plan.drill is not None:
        lines.append(_line(_sometimes(plan.drill, at, 6), _job(plan, "drill")))
    return "\n".join(lines) + "\n"


def convert(plan: Plan, machine_zone: tzinfo | None, now: datetime) -> datetime:
    """The next moment that the plan names, as the machine's clock shows it."""
    site = now.astimezone(ZoneInfo(plan.zone))
    return site.replace(hour=plan.at.hour, minute=plan.at.minute, second=0).astimezone(machine_zone)


def _sometimes(every: Every, at: datetime, weekday: int) -> str:
    """Twelve hours away from the backup; monthly is the first of a month, whatever day it is."""
    moment = at + timedelta(hours=12)
    days = f"* * {weekday}" if every == "weekly" else f"{weekday + 1} * *"
    return f"{moment.minute} {moment.hour} {days}"


def _job(plan: Plan, job: str, *more: str) -> str:
    return "nice -n 10 " + _words(plan, "schedule", "run", job, *more)


def _words(plan: Plan, *words: str) -> str:
    command: Sequence[str] = (*plan.program, "backup", *words, "--settings", str(plan.settings))
    return shlex.join(command)


def _line(when: str, command: str) -> str:
    """A line of cron; a percent sign would end the command.

    Output is thrown away: it would be mailed on top of the notices, day after day.
    """
    escaped = command.replace("%", r"\%")
    return f"{when} root ({escaped}) >/dev/null 2>&1"

"""When the timer runs next, and how its last runs ended."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import click

from lpse_ops.cli.output import emit, render_table
from lpse_ops.cli.parameters import common_options, format_option, output_option
from lpse_ops.cli.schedule_cron import FILE
from lpse_ops.cli.schedule_files import State, read_files, state_of
from lpse_ops.cli.schedule_plan import (
    CRON_FOLDER,
    TIMER_NAMES,
    UNIT_FOLDER,
    UNIT_NAMES,
    has_systemd,
)
from lpse_ops.cli.wiring import App
from lpse_ops.process import run

_NONE = 1
_PROPERTIES = (
    "Id,ActiveState,NextElapseUSecRealtime,LastTriggerUSec,"
    "Result,ExecMainStatus,ExecMainExitTimestamp"
)
_TIME_FORMAT = "%a %Y-%m-%d %H:%M:%S UTC"


@dataclass(frozen=True)
class TimerState:
    """A timer and the service that it starts, as systemd has them."""

    name: str
    is_active: bool
    next_run: datetime | None
    last_run: datetime | None
    result: str
    exit_code: int | None
    running: bool


@click.command(epilog="Example: lpse-ops backup schedule show")
@format_option
@output_option
@common_options
@click.pass_obj
def command(app: App, output_format: str, output: Path | None) -> int:
    """Show next and last runs; exit code 1 if there is no schedule or a timer does not run."""
    files = installed_files()
    timers = read_timers([name for name in TIMER_NAMES if name in files]) if has_systemd() else []
    uses_cron = FILE in files
    emit(
        "backup/schedule/show",
        {
            "cron": uses_cron,
            "files": [{"name": name, "state": state.value} for name, state in files.items()],
            "timers": timers,
        },
        text=lambda: render_schedule(files, timers, app.clock.now()),
        output_format=output_format,
        output=output,
    )
    is_running = uses_cron or (bool(timers) and all(timer.is_active for timer in timers))
    return 0 if is_running else _NONE


def installed_files() -> dict[str, State]:
    """Files of a schedule that are there, and whether somebody changed them."""
    found = {**read_files(UNIT_FOLDER, UNIT_NAMES), **read_files(CRON_FOLDER, [FILE])}
    return {name: state_of(text) for name, text in found.items() if text is not None}


def read_timers(names: list[str]) -> list[TimerState]:
    if not names:
        return []
    units = [unit for name in names for unit in (name, _service_of(name))]
    ended = run(
        ["systemctl", "show", f"--property={_PROPERTIES}", *units],
        environment={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "TZ": "UTC", "LC_ALL": "C"},
    )
    return parse_timers(ended.stdout.decode(errors="replace"), names)


def parse_timers(text: str, names: list[str]) -> list[TimerState]:
    """Read what ``systemctl show`` prints, in UTC: a block of KEY=VALUE lines for each unit."""
    units: dict[str, dict[str, str]] = {}
    for block in text.split("\n\n"):
        found = dict(line.partition("=")[::2] for line in block.splitlines() if "=" in line)
        units[found.get("Id", "")] = found
    return [_timer(name, units.get(name, {}), units.get(_service_of(name), {})) for name in names]


def _service_of(timer: str) -> str:
    return timer.removesuffix(".timer") + ".service"


def _timer(name: str, timer: Mapping[str, str], service: Mapping[str, str]) -> TimerState:
    code = service.get("ExecMainStatus", "")
    ended = _parse_time(service.get("ExecMainExitTimestamp", ""))
    return TimerState(
        name=name,
        is_active=timer.get("ActiveState") == "active",
        next_run=_parse_time(timer.get("NextElapseUSecRealtime", "")),
        last_run=_parse_time(timer.get("LastTriggerUSec", "")) or ended,
        result=service.get("Result", "") if ended else "",
        exit_code=int(code) if ended and code.isdigit() else None,
        running=service.get("ActiveState") in ("activating", "active"),
    )


def _parse_time(text: str) -> datetime | None:
    try:
        return datetime.strptime(text, _TIME_FORMAT).replace(tzinfo=UTC)
    except ValueError:
        return None


def render_schedule(files: Mapping[str, State], timers: list[TimerState], now: datetime) -> str:
    if not files:
        return "there is no schedule: lpse-ops backup schedule install\n"
    lines = [f"warning    {name} is {state}" for name, state in files.items() if state != "ours"]
    if FILE in files:
        lines.append(f"cron       {CRON_FOLDER / FILE}")
    table = ""
    if timers:
        rows = [
            (
                timer.name,
                _moment(timer.next_run, now) if timer.is_active else "STOPPED",
                _moment(timer.last_run, now),
                _result(timer),
            )
            for timer in timers
        ]
        table = render_table(("Timer", "Next run", "Last run", "Result"), rows)
    return table + "".join(f"{line}\n" for line in lines)


def _moment(moment: datetime | None, now: datetime) -> str:
    return f"{moment.astimezone(now.tzinfo):%Y-%m-%d %H:%M:%S %z}" if moment else "never"


def _result(timer: TimerState) -> str:
    if timer.running:
        return "at work"
    if timer.exit_code is None:
        return ""
    return f"{timer.result}, exit code {timer.exit_code}"

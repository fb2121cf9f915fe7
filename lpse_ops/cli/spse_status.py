"""Where the last upgrade of each SPSE server stands, and what is safe to type now."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import tzinfo
from typing import TYPE_CHECKING, Any

import click

from lpse_ops.cli.output import emit, printable, render_table
from lpse_ops.cli.parameters import common_options, format_option
from lpse_ops.cli.playbook_options import PlaybookFlags, options_named
from lpse_ops.cli.spse_fleet_options import LOGIN_NAMES
from lpse_ops.cli.wiring import App
from lpse_ops.errors import UsageError

if TYPE_CHECKING:
    from lpse_ops.cli.spse_hosts import Asked

_UNREACHABLE = 4


@click.command(epilog="Example: lpse-ops spse status -i inventory")
@options_named(("inventory", "limit", *LOGIN_NAMES))
@format_option
@common_options
@click.pass_obj
def command(app: App, /, flags: PlaybookFlags, output_format: str) -> int:
    """Show where the last upgrade stands: of this machine, or with -i of the group spse.

    Exit code 0: all done; 6: rolled back, the old release answers; 11: one is at work; 1: one
    stopped on its way; 4: a host cannot be reached.
    """
    # Imported here: they bring the engine along.
    from lpse_ops.cli.playbook_engine import Engine
    from lpse_ops.cli.spse_hosts import ask_status, ask_status_here, find_hosts

    if flags.inventory:
        # The state is root's.
        engine = Engine(app, replace(flags, become=True))
        try:
            asked = ask_status(engine, find_hosts(engine))
        finally:
            engine.close()
    elif flags.limit:
        raise UsageError("--limit chooses hosts of an inventory", hint="name it: -i inventory")
    else:
        asked = {"": ask_status_here()}
        if asked[""].error is not None:
            app.console.print("this machine was asked; servers of an inventory: -i inventory")
    settings = app.settings_unless_empty
    zone = settings.site.time_zone if settings else None
    for name, each in asked.items():
        if each.error is not None:
            app.console.warn(f"{each.error.message}; {each.error.hint}")
        elif each.status is not None and each.status.phase in ("stopped", "stuck"):
            for line in each.status.advice:
                app.console.print(f"{name or 'here'}: {line}")
    emit(
        "spse/status",
        {"hosts": [_facts(name, each) for name, each in asked.items()]},
        text=lambda: render_status(asked, zone),
        output_format=output_format,
        output=None,
    )
    return find_exit_code(asked)


def find_exit_code(asked: Mapping[str, "Asked"]) -> int:
    """The worst of all: who needs somebody comes first."""
    from lpse_ops.spse.runnerstatus import EXIT_CODES

    codes = {EXIT_CODES[each.status.phase] for each in asked.values() if each.status}
    codes |= {_UNREACHABLE if each.is_unreachable else 1 for each in asked.values() if each.error}
    return next((code for code in (1, _UNREACHABLE, 11, 6) if code in codes), 0)


def render_status(asked: Mapping[str, "Asked"], zone: tzinfo | None) -> str:
    """A table; times in the site's ``zone``, without one as the hosts tell them (UTC)."""
    rows = [(name or "-", *_row(each, zone)) for name, each in asked.items()]
    return render_table(("HOST", "RELEASE", "UPGRADE", "STANDS", "STEP", "SINCE", "REASON"), rows)


def _row(asked: "Asked", zone: tzinfo | None) -> tuple[str, ...]:
    from lpse_ops.spse.runnerstatus import local_time

    status = asked.status
    if status is None:
        return ("", "", "UNREACHABLE" if asked.is_unreachable else "UNKNOWN", "", "", "")
    release = status.current or "-"
    if status.phase == "none":
        return (release, "", "no upgrade yet", "", "", "")
    step = f"{status.step} ({status.n_ended} of {status.n_steps} done)" if status.step else ""
    upgrade = f"{status.old} -> {status.new}"
    since = local_time(status.ended or status.begun, zone)
    return (release, upgrade, status.phase, step, since, printable(status.reason)[:100])


def _facts(name: str, asked: "Asked") -> dict[str, Any]:
    status, error = asked.status, asked.error
    if status is None:
        message = error.message if error else ""
        return {"host": name or None, "phase": None, "unreachable": asked.is_unreachable,
                "error": message}  # fmt: skip
    facts = {"host": name or None, "release": status.current or None, **vars(status)}
    del facts["linked"]
    return facts | {"unreachable": False, "error": None}

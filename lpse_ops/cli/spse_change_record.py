"""Record what was done on this server: an installation, an upgrade or a rollback."""

import os
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from lpse_ops.cli.output import emit
from lpse_ops.cli.parameters import FILE, common_options, format_option, output_option
from lpse_ops.cli.spse_release_options import releases_option
from lpse_ops.cli.wiring import App
from lpse_ops.errors import NothingFound
from lpse_ops.spse.change import Run
from lpse_ops.spse.changetext import Mask


@click.command(
    epilog="Example: lpse-ops spse change record --reason 'SPSE 4.5' --performed-by 'Sari'"
)
@click.option(
    "--kind",
    type=click.Choice(["auto", "install", "upgrade", "rollback"]),
    default="auto",
    show_default=True,
    help="What it was; auto: what the step runner says.",
)
@click.option(
    "--state",
    "state_path",
    type=FILE,
    metavar="FILE",
    help="State of the step runner; default: that of the last upgrade.",
)
@click.option("--report", type=FILE, metavar="FILE", help="Report of an installation instead.")
@click.option("--reason", default="", metavar="TEXT", help="Why; default: as it was requested.")
@click.option("--performed-by", multiple=True, metavar="NAME", help="Who did it.")
@click.option("--change", "change_id", metavar="ID", help="The request that it answers.")
@releases_option
@format_option
@output_option
@common_options
@click.pass_obj
def command(
    app: App,
    /,
    kind: str,
    state_path: Path | None,
    report: Path | None,
    reason: str,
    performed_by: tuple[str, ...],
    change_id: str | None,
    releases: Path,
    output_format: str,
    output: Path | None,
) -> None:
    """Put the last upgrade, with its steps, times and outcome, into the register of changes.

    Recording the same again does nothing.  Without --change it answers the only request that
    waits for one of its kind.
    """
    from lpse_ops.cli.spse_record import record_once
    from lpse_ops.cli.spse_release_options import require_root

    require_root("record what root did")
    if report is not None or kind == "install":
        run, mask = _read_install(app, report, releases, reason, performed_by)
    else:
        run, mask = _read_upgrade(app, state_path, kind, reason, performed_by)
    found, changed = record_once(app, run, change_id=change_id, mask=mask)
    emit(
        "spse/change/record",
        {"id": found, "changed": changed, **_summary(run)},
        text=lambda: _render(found, run, changed=changed),
        output_format=output_format,
        output=output,
    )


def _read_upgrade(
    app: App, path: Path | None, kind: str, reason: str, performed_by: tuple[str, ...]
) -> tuple[Run, Mask]:
    from lpse_ops.cli.spse_record import load_package, mask_settings_of
    from lpse_ops.cli.spse_running import state_file
    from lpse_ops.spse.trustedfile import read_trusted
    from lpse_ops.spse.upgraderun import UpgradeKind, find_kind, run_of_upgrade
    from lpse_ops.spse.upgradestate import MAX_BYTES, parse_upgrade

    path = path or state_file(app.state_folder)
    if not os.path.lexists(path):
        raise NothingFound(
            f"nothing was upgraded here: there is no {path}",
            hint="of an installation: --report /var/lib/lpse-ops/upgrade/install.json",
        )
    state = parse_upgrade(read_trusted(path, MAX_BYTES), path)
    found: UpgradeKind = find_kind(state)
    if kind == "upgrade" or (kind == "rollback" and state.direction == "back"):
        found = kind  # type: ignore[assignment] # one of the two
    place = state.old if found == "rollback" else state.new
    folder = Path(place.folder)
    run = run_of_upgrade(
        state,
        kind=found,
        server=os.uname().nodename,
        reason=reason,
        performed_by=performed_by,
        package=load_package(folder.parent, place.version),
        repository=_repository(app),
    )
    return run, mask_settings_of([Path(state.old.folder), Path(state.new.folder)])


def _read_install(
    app: App, path: Path | None, releases: Path, reason: str, performed_by: tuple[str, ...]
) -> tuple[Run, Mask]:
    from lpse_ops.cli.playbook_talk import user_name
    from lpse_ops.cli.spse_record import load_package, mask_settings_of
    from lpse_ops.spse.installrun import MAX_BYTES, run_of_install, version_of_install
    from lpse_ops.spse.trustedfile import read_trusted

    path = path or app.state_folder / "upgrade" / "install.json"
    content = read_trusted(path, MAX_BYTES)
    version = version_of_install(content)
    run = run_of_install(
        content,
        path,
        server=os.uname().nodename,
        account=app.environment.get("SUDO_USER") or user_name(),
        reason=reason,
        performed_by=performed_by,
        package=load_package(releases, version) if version else None,
    )
    return run, mask_settings_of([releases / version] if version else [])


def _repository(app: App) -> str:
    """Of the backup: the first destination is the one that is written."""
    settings = app.settings_unless_empty
    destinations = settings.backup.destinations if settings else ()
    return next((each.repository_id or "" for each in destinations), "")


def _summary(run: Run) -> dict[str, Any]:
    down = run.downtime
    return {
        "stamp": run.stamp,
        "kind": run.kind,
        "result": run.result,
        "started": _text(run.started),
        "ended": _text(run.ended),
        "downtime_seconds": down.seconds if down else None,
        "backup_snapshot": run.backup_snapshot or None,
        "problem": run.problem or None,
    }


def _text(moment: datetime) -> str:
    return moment.isoformat()


def _render(change_id: str, run: Run, *, changed: bool) -> str:
    done = "recorded" if changed else "on record already"
    return (
        f"{done}  {change_id}: {run.kind}, {run.result}\n"
        f"see it: lpse-ops spse change show {change_id}\n"
    )

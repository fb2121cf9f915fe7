"""Copy snapshots into another repository, sealed with that one's key."""

import contextlib
from datetime import timedelta
from pathlib import Path

import click

from lpse_ops.backup.copier import CopyReport, copy_snapshots
from lpse_ops.backup.locking import hold_lock
from lpse_ops.backup.openkey import ensure_exists
from lpse_ops.backup.repository import Repository, open_repository
from lpse_ops.cli.backup_options import Only, filter_options, retry_lock_option
from lpse_ops.cli.destination_access import open_place
from lpse_ops.cli.output import emit
from lpse_ops.cli.parameters import FILE, format_option, output_option, repository_options
from lpse_ops.cli.prune_options import PruneBar
from lpse_ops.cli.repository_access import locked, read_password_file
from lpse_ops.cli.sizes import format_size
from lpse_ops.cli.wiring import App


@click.command(
    epilog="Example: lpse-ops backup copy --from-repo /mnt/old --from-password-file old.password"
)
@click.argument("ids", nargs=-1, metavar="[SNAPSHOT]...")
@filter_options
@click.option("--from-repo", required=True, metavar="LOCATION", help="Where the snapshots are.")
@click.option(
    "--from-password-file",
    type=FILE,
    required=True,
    metavar="FILE",
    help="File with the password of --from-repo.",
)
@click.option(
    "--from-no-lock", is_flag=True, help="Do not lock --from-repo: it is on a read-only medium."
)
@retry_lock_option
@format_option
@output_option
@repository_options
@click.pass_obj
def command(
    app: App,
    /,
    ids: tuple[str, ...],
    only: Only,
    from_repo: str,
    from_password_file: Path,
    from_no_lock: bool,
    retry_lock: timedelta,
    output_format: str,
    output: Path | None,
) -> None:
    """Copy SNAPSHOTs, or all that match, from --from-repo into --repo.

    What is there already is not copied again, also after a copy that was stopped.
    """
    only.refuse_beside(ids)
    source = _open_source(app, from_repo, from_password_file)
    with contextlib.ExitStack() as stack:
        target = stack.enter_context(locked(app, retry_lock=retry_lock))
        if not from_no_lock:
            stack.enter_context(hold_lock(source, retry_for=retry_lock))
        snapshots = source.snapshots(app.console.warn)
        chosen = only.choose_each(snapshots, ids)
        bar = stack.enter_context(app.console.progress_bar("copying"))
        report = copy_snapshots(
            source,
            target,
            chosen,
            PruneBar(bar),
            starts=lambda each: bar.update(description=f"copying {each.short_id}"),
        )
    emit(
        "backup/copy",
        {
            "copied": [{"from": old, "id": new} for old, new in report.copied.items()],
            "skipped": [{"from": old, "id": new} for old, new in report.skipped.items()],
            "blobs": report.blobs,
            "bytes_read": report.bytes_read,
        },
        text=lambda: _render(report),
        output_format=output_format,
        output=output,
    )


def _open_source(app: App, location: str, password_file: Path) -> Repository:
    backend = open_place(app, location)
    ensure_exists(backend)
    return open_repository(backend, read_password_file(app, password_file))


def _render(report: CopyReport) -> str:
    lines = [f"snapshot {old[:8]} copied as {new[:8]}" for old, new in report.copied.items()]
    lines += [f"snapshot {old[:8]} is there as {new[:8]}" for old, new in report.skipped.items()]
    lines.append(
        f"{len(report.copied)} snapshots copied, {len(report.skipped)} were there; "
        f"{report.blobs} blobs, {format_size(report.bytes_read)}"
    )
    return "\n".join(lines)

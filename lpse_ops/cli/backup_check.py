"""Look for damage in a repository."""

import random
from datetime import timedelta
from pathlib import Path

import click

from lpse_ops.backup.check import CheckReport, check_structure
from lpse_ops.backup.checkdata import choose_all, parse_subset, read_packs
from lpse_ops.cli.backup_options import no_lock_option, retry_lock_option
from lpse_ops.cli.output import emit
from lpse_ops.cli.parameters import format_option, output_option, repository_options
from lpse_ops.cli.repository_access import locked
from lpse_ops.cli.sizes import format_size
from lpse_ops.cli.wiring import App
from lpse_ops.errors import UsageError

_DAMAGED = 1
_LISTED = 50


@click.command(epilog="Example: lpse-ops backup check --read-data-subset 1/7")
@click.option("--read-data", is_flag=True, help="Read every pack and prove every blob.")
@click.option(
    "--read-data-subset",
    "subset",
    metavar="N%|n/t",
    help="The same for a random part, or the n-th of t parts.",
)
@no_lock_option
@retry_lock_option
@format_option
@output_option
@repository_options
@click.pass_obj
def command(
    app: App,
    /,
    read_data: bool,
    subset: str | None,
    no_lock: bool,
    retry_lock: timedelta,
    output_format: str,
    output: Path | None,
) -> int:
    """Check indexes, pack sizes, snapshots and folders; with --read-data every stored byte.

    Without --read-data, a flipped bit in a document is not found.
    """
    if read_data and subset:
        raise UsageError(
            "--read-data and --read-data-subset cannot be combined", hint="give one of them"
        )
    choose = parse_subset(subset, random.SystemRandom()) if subset else choose_all
    with locked(app, exclusive=True, no_lock=no_lock, retry_lock=retry_lock) as repository:
        report = check_structure(repository)
        if read_data or subset:
            total = sum(report.packs.values()) if read_data else None
            with app.console.progress_bar("reading", total) as bar:
                read_packs(repository, report, choose, bar)
    for finding in report.findings[:_LISTED]:
        app.console.warn(f"{finding.severity}: {finding.message}")
    if len(report.findings) > _LISTED:
        more = len(report.findings) - _LISTED
        app.console.warn(f"{more} more; --format json lists them all")
    emit(
        "backup/check",
        {
            "errors": [each.message for each in report.errors],
            "hints": [each.message for each in report.findings if each not in report.errors],
            "snapshots": report.snapshots,
            "trees": report.trees,
            "blobs": report.blobs,
            "packs": len(report.packs),
            "packs_read": report.packs_read,
            "bytes_read": report.bytes_read,
        },
        text=lambda: _render(report),
        output_format=output_format,
        output=output,
    )
    return _DAMAGED if report.errors else 0


def _render(report: CheckReport) -> str:
    lines = [
        f"snapshots  {report.snapshots}, with {report.trees} distinct folders",
        f"packs      {len(report.packs)}, with {report.blobs} blobs",
    ]
    if report.packs_read:
        size = format_size(report.bytes_read)
        lines.append(f"read       {report.packs_read} packs, {size}, every blob proved")
    if report.errors:
        lines.append(f"DAMAGED    {len(report.errors)} errors, see above")
    else:
        lines.append("no errors were found")
    return "\n".join(lines)

"""Show how large snapshots are, as restored and as stored."""

from pathlib import Path

import click

from lpse_ops.backup.stats import Sizes, measure
from lpse_ops.cli.backup_options import Only, filter_options, no_lock_option
from lpse_ops.cli.output import emit
from lpse_ops.cli.parameters import format_option, output_option, repository_options
from lpse_ops.cli.repository_access import locked
from lpse_ops.cli.sizes import format_size
from lpse_ops.cli.wiring import App


@click.command(epilog="Example: lpse-ops backup stats latest")
@click.argument("ids", nargs=-1, metavar="[SNAPSHOT]...")
@filter_options
@no_lock_option
@format_option
@output_option
@repository_options
@click.pass_obj
def command(
    app: App,
    /,
    ids: tuple[str, ...],
    only: Only,
    no_lock: bool,
    output_format: str,
    output: Path | None,
) -> None:
    """Show sizes of SNAPSHOTs, or of all that match."""
    with locked(app, no_lock=no_lock) as repository:
        snapshots = repository.snapshots(app.console.warn)
        chosen = only.choose_each(snapshots, ids)
        sizes = measure(repository, repository.load_index(), chosen)
    emit(
        "backup/stats",
        {
            **vars(sizes),
            "deduplication": round(sizes.deduplication, 3),
            "compression": round(sizes.compression, 3),
        },
        text=lambda: _render(sizes),
        output_format=output_format,
        output=output,
    )


def _render(sizes: Sizes) -> str:
    return "\n".join(
        (
            f"snapshots      {sizes.snapshots}",
            f"restored       {sizes.files} files, {format_size(sizes.restore_bytes)}",
            f"distinct       {sizes.blobs} blobs, {format_size(sizes.plain_bytes)} "
            f"(deduplication {sizes.deduplication:.2f}x)",
            f"stored         {format_size(sizes.raw_bytes)} (compression {sizes.compression:.2f}x)",
        )
    )

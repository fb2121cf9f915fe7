"""Look for damage in a repository."""

import random
from collections.abc import Callable
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from lpse_ops.backup.readpool import ReadPool, count_workers
from lpse_ops.backup.storage.local import LocalBackend
from lpse_ops.cli.backup_options import no_lock_option, retry_lock_option
from lpse_ops.cli.output import emit
from lpse_ops.cli.pack_reading import Reading, load_handler
from lpse_ops.cli.parameters import format_option, output_option, repository_options
from lpse_ops.cli.records import record_of_chosen
from lpse_ops.cli.repository_access import locked, start_opening
from lpse_ops.cli.sizes import format_size
from lpse_ops.cli.wiring import App
from lpse_ops.errors import DamagedRepository, OpsError, UsageError

if TYPE_CHECKING:
    from lpse_ops.backup.check import CheckReport, StructureCheck
    from lpse_ops.backup.checkdata import PackReader

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
    scope = subset or ("all" if read_data else "none")
    try:
        if not (read_data or subset):
            from lpse_ops.backup.check import check_structure

            with locked(app, exclusive=True, no_lock=no_lock, retry_lock=retry_lock) as repository:
                report = check_structure(repository)
        else:
            report = _check_all(app, subset, no_lock=no_lock, retry_lock=retry_lock)
    except OpsError as error:
        status = "damaged" if isinstance(error, DamagedRepository) else "failed"
        _record(app, status, scope, [error.message])
        raise
    errors = [each.message for each in report.errors]
    _record(app, "damaged" if errors else "ok", scope, errors)
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


def _record(app: App, status: str, scope: str, errors: list[str]) -> None:
    """The log has room for some of the errors; a later check says all of them again."""
    facts = {"status": status, "read_data": scope, "errors": errors[:_LISTED]}
    record_of_chosen(app, "check", facts)


def _check_all(
    app: App, subset: str | None, *, no_lock: bool, retry_lock: timedelta
) -> "CheckReport":
    # Forked first of all: there are no threads yet, and little memory to share.
    with closing(ReadPool(load_handler, count_workers())) as pool:
        opening = start_opening(app)
        # While the key is worked out: importing the rest takes a quarter as long.
        from lpse_ops.backup.check import StructureCheck
        from lpse_ops.backup.checkdata import PackReader, choose_all, parse_subset
        from lpse_ops.backup.locking import hold_lock
        from lpse_ops.backup.packproof import prove_names

        choose = parse_subset(subset, random.SystemRandom()) if subset else choose_all
        named: set[bytes] = set()
        if choose is choose_all and isinstance(opening.backend, LocalBackend):
            named = prove_names(opening.backend, opening.is_running)
        repository = opening.finish()
        with app.console.progress_bar("reading") as bar:
            workers = pool if pool.open(repository) else None
            reader = PackReader(repository, workers, choose, Reading(bar), named)
            check = StructureCheck(repository, reader)
            if no_lock:
                return _check_with(check, reader, lambda: None)
            # Who waits for others wants the lock whole before anything is read.
            with hold_lock(
                repository,
                exclusive=True,
                retry_for=retry_lock,
                read_meanwhile=not retry_lock,
            ) as held:
                return _check_with(check, reader, held.settle_when_due)


def _check_with(
    check: "StructureCheck", reader: "PackReader", between_packs: Callable[[], None]
) -> "CheckReport":
    check.load()
    report = check.check_trees()
    reader.finish(between_packs)
    return report


def _render(report: "CheckReport") -> str:
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

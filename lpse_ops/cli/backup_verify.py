"""Prove one snapshot, right after it was made: quicker than a check of everything."""

from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lpse_ops.backup.readpool import ReadPool, count_workers
from lpse_ops.cli.backup_options import no_lock_option, retry_lock_option
from lpse_ops.cli.output import emit
from lpse_ops.cli.pack_reading import Reading, load_handler
from lpse_ops.cli.parameters import format_option, output_option, repository_options
from lpse_ops.cli.records import record_of_chosen
from lpse_ops.cli.repository_access import start_opening
from lpse_ops.cli.sizes import format_size
from lpse_ops.cli.wiring import App

if TYPE_CHECKING:
    from lpse_ops.cli.snapshot_proof import SnapshotProof

_DAMAGED = 1
_LISTED = 50


@click.command(epilog="Example: lpse-ops backup verify latest")
@click.argument("snapshot")
@no_lock_option
@retry_lock_option
@format_option
@output_option
@repository_options
@click.pass_obj
def command(
    app: App,
    /,
    snapshot: str,
    no_lock: bool,
    retry_lock: timedelta,
    output_format: str,
    output: Path | None,
) -> int:
    """Prove SNAPSHOT: its folders, each pack that came with it, and what its dumps hold.

    Every blob of these packs is read and compared with its id; packs that the snapshot before it
    uses already are left to `backup check --read-data`.  Of each dump pg_restore lists the table
    of contents.  Exit code 1 if anything of it is damaged or missing.
    """
    # Forked first of all: there are no threads yet, and little memory to share.
    with closing(ReadPool(load_handler, count_workers())) as pool:
        proof, exit_code = _prove(app, pool, snapshot, no_lock=no_lock, retry_lock=retry_lock)
    errors = proof.errors[:_LISTED]
    status = "damaged" if errors else "ok"
    # Not as a check of the repository: that is still due.
    facts = {"status": status, "snapshot": proof.snapshot.id, "errors": errors}
    record_of_chosen(app, "verify", facts)
    for message in errors:
        app.console.warn(f"error: {message}")
    if proof.elsewhere:
        app.console.warn(
            f"{len(proof.elsewhere)} errors in what this snapshot does not use, first: "
            f"{proof.elsewhere[0]}; run lpse-ops backup check"
        )
    emit(
        "backup/verify",
        _to_json(proof),
        text=lambda: _render(proof),
        output_format=output_format,
        output=output,
    )
    return _DAMAGED if proof.errors else exit_code


def _prove(
    app: App, pool: ReadPool, wanted: str, *, no_lock: bool, retry_lock: timedelta
) -> "tuple[SnapshotProof, int]":
    import contextlib

    opening = start_opening(app, for_reading=no_lock)
    # While the key is worked out: importing the rest takes a quarter as long.
    from lpse_ops.backup.locking import hold_lock
    from lpse_ops.cli.backup_options import EVERY_SNAPSHOT, choose_to_restore
    from lpse_ops.cli.snapshot_proof import prove_snapshot

    settings = app.settings_if_any if app.repo is None else None
    expected = tuple(each.name for each in settings.backup.databases) if settings else ()
    repository = opening.finish()
    lock = (
        contextlib.nullcontext()
        if no_lock
        else hold_lock(repository, exclusive=False, retry_for=retry_lock)
    )
    with lock, app.console.progress_bar("reading") as bar:
        chosen, exit_code = choose_to_restore(app, repository, EVERY_SNAPSHOT, wanted)
        snapshots = repository.snapshots(lambda _: None)
        workers = pool if pool.open(repository) else None
        proof = prove_snapshot(
            repository, chosen, snapshots, workers, Reading(bar), expected=expected
        )
    return proof, exit_code


def _to_json(proof: "SnapshotProof") -> dict[str, Any]:
    return {
        "snapshot": proof.snapshot.id,
        "parent": proof.parent,
        "errors": proof.errors,
        "elsewhere": proof.elsewhere,
        "packs": proof.packs,
        "packs_read": proof.packs_read,
        "bytes_read": proof.bytes_read,
        "databases": [{"name": name, **vars(each)} for name, each in proof.dumps.items()],
    }


def _render(proof: "SnapshotProof") -> str:
    since = f"new since {proof.parent[:8]}" if proof.parent else "all of them"
    lines = [
        f"snapshot   {proof.snapshot.short_id} of {proof.snapshot.time:%Y-%m-%d %H:%M:%S %z}",
        f"read       {proof.packs_read} of its {proof.packs} packs ({since}), "
        f"{format_size(proof.bytes_read)}, every blob proved",
    ]
    lines += [
        f"database   {name}: {each.entries} objects, {each.tables} tables with data"
        for name, each in proof.dumps.items()
    ]
    if not proof.dumps:
        lines.append("database   none is in it")
    if proof.errors:
        lines.append(f"DAMAGED    {len(proof.errors)} errors, see above")
    else:
        lines.append("no errors were found")
    return "\n".join(lines)

"""Repair damaged packs, best from a second copy of the repository."""

import contextlib
from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path

import click

from lpse_ops.backup.locking import hold_lock
from lpse_ops.backup.repairfrom import Fetched, SecondCopy, open_beside
from lpse_ops.backup.repairpacks import PackRepair, choose_packs, find_damaged, salvage_packs
from lpse_ops.backup.repository import Repository, open_repository
from lpse_ops.backup.storage.backend import FileKind, file_name
from lpse_ops.cli.backup_options import retry_lock_option
from lpse_ops.cli.destination_access import open_place
from lpse_ops.cli.output import emit
from lpse_ops.cli.parameters import FILE, format_option, output_option, repository_options
from lpse_ops.cli.repository_access import (
    configured_destination,
    first_backend,
    locked,
    read_password,
)
from lpse_ops.cli.wiring import App
from lpse_ops.errors import RepositoryError, UsageError

_SOMETHING_IS_LOST = 1


@click.command(epilog="Example: lpse-ops backup repair packs --all-damaged --from /mnt/second/repo")
@click.argument("packs", nargs=-1, metavar="[PACK...]")
@click.option("--all-damaged", is_flag=True, help="Read all packs and repair the damaged ones.")
@click.option(
    "--from",
    "source",
    metavar="LOCATION",
    help="A second copy of this repository, to fetch damaged and missing files from.",
)
@click.option(
    "--keep-damaged",
    type=FILE,
    metavar="DIR",
    help="Where copies of damaged packs are kept, instead of the state folder.",
)
@retry_lock_option
@format_option
@output_option
@repository_options
@click.pass_obj
def command(
    app: App,
    /,
    packs: tuple[str, ...],
    all_damaged: bool,
    source: str | None,
    keep_damaged: Path | None,
    retry_lock: timedelta,
    output_format: str,
    output: Path | None,
) -> int:
    """Save what can be read of damaged packs.

    With --from, damaged and missing files of every kind (packs, index, snapshots, keys, config)
    are fetched whole from a second copy first; snapshots that only the second copy has come back,
    too.  Of packs that stay damaged every blob that still opens, in either copy, is saved into a
    new pack, and a copy of the damaged pack is kept.  Exit code 1 if something could not be had
    or saved.
    """
    if bool(packs) == all_damaged and (packs or not source):
        raise UsageError(
            "which packs?", hint="give the ids of packs, or --all-damaged to find them"
        )
    with _opened(app, source, retry_lock) as (repository, second):
        if second is not None:
            second.fetch_small_files()
        damaged = _damaged(app, repository, packs, all_damaged=all_damaged)
        if second is not None:
            second.fetch_packs(damaged)
            second.fetch_the_rest()
            damaged = [each for each in damaged if _pack_name(each) not in second.fetched.files]
        folder = keep_damaged or app.state_folder / "damaged" / repository.config.id[:10]
        other = second.other if second is not None else None
        repairs = salvage_packs(repository, damaged, folder, second=other)
    fetched = second.fetched if second is not None else Fetched()
    for name, message in fetched.failed.items():
        app.console.warn(f"{name} was not fetched: {message}")
    for repair in repairs:
        if repair.copy is None:
            app.console.warn(f"pack {repair.id.hex()} cannot be copied whole, and stays")
    emit(
        "backup/repair-packs",
        {
            "fetched": fetched.files,
            "not_fetched": list(fetched.failed),
            "packs": [_fields(repair) for repair in repairs],
        },
        text=lambda: _render(fetched, repairs),
        output_format=output_format,
        output=output,
    )
    lost = any(repair.lost or not repair.salvaged for repair in repairs)
    return _SOMETHING_IS_LOST if lost or fetched.failed else 0


@contextlib.contextmanager
def _opened(
    app: App, source: str | None, retry_lock: timedelta
) -> Iterator[tuple[Repository, SecondCopy | None]]:
    """The repository under an exclusive lock; with a second copy it need not open by itself."""
    if source is None:
        with locked(app, exclusive=True, retry_lock=retry_lock) as repository:
            yield repository, None
        return
    backend = first_backend(app)
    other = open_repository(open_place(app, source), read_password(app))
    destination = configured_destination(app)
    pinned = destination.repository_id if destination else None
    if pinned and pinned != other.config.id:
        raise RepositoryError(
            f"{source} holds repository {other.config.id[:10]}, but the settings say {pinned[:10]}",
            hint="give a copy of the same repository with --from",
        )
    repository = open_beside(backend, other)
    with hold_lock(repository, exclusive=True, retry_for=retry_lock):
        yield repository, SecondCopy(repository, other)


def _damaged(
    app: App, repository: Repository, prefixes: Sequence[str], *, all_damaged: bool
) -> list[bytes]:
    if not all_damaged:
        return choose_packs(repository, prefixes)
    with app.console.progress_bar("reading") as bar:
        found = find_damaged(repository, bar)
    for problems in found.values():
        app.console.warn(problems[0] + (f" (and {len(problems) - 1} more)" * (len(problems) > 1)))
    return sorted(found)


def _pack_name(pack_id: bytes) -> str:
    return file_name(FileKind.PACK, pack_id.hex())


def _fields(repair: PackRepair) -> dict[str, object]:
    return {
        "id": repair.id,
        "salvaged": repair.salvaged,
        "lost": [
            {"type": blob_type.name.lower(), "id": blob_id} for blob_type, blob_id in repair.lost
        ],
        "copy": repair.copy,
    }


def _render(fetched: Fetched, repairs: Sequence[PackRepair]) -> str:
    lines = [f"fetched {name}" for name in fetched.files]
    for repair in repairs:
        kept = f", its copy is {repair.copy}" if repair.copy else ""
        lines.append(
            f"pack {repair.id.hex()[:10]}: {repair.salvaged} blobs saved, "
            f"{len(repair.lost)} lost{kept}"
        )
    if any(repair.lost or not repair.salvaged for repair in repairs):
        lines.append("next: lpse-ops backup repair snapshots shows which files are hit")
    return "\n".join(lines or ["nothing had to be repaired"])

"""Make a new repository, and print the recovery sheet: the one time it is shown."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

import click

from lpse_ops.atomicfile import write_atomically
from lpse_ops.backup.keyring import create_repository, recovery_secret, this_origin
from lpse_ops.backup.recovery import SheetFacts, parse_sheet, render_qr, render_sheet
from lpse_ops.backup.repository import Repository, open_repository
from lpse_ops.backup.storage.backend import Backend, FileKind
from lpse_ops.cli.output import emit
from lpse_ops.cli.parameters import FILE, format_option, output_option, repository_options
from lpse_ops.cli.repository_access import configured_destination, first_backend, read_password
from lpse_ops.cli.settings import Destination, write_repository_id
from lpse_ops.cli.wiring import App
from lpse_ops.errors import (
    OpsError,
    RepositoryError,
    RepositoryMissing,
    UsageError,
    WrongPassword,
)


@click.command(epilog="Example: lpse-ops backup init --repo /mnt/disk/repo --password-file p")
@click.option(
    "--sheet",
    type=FILE,
    metavar="FILE",
    help="Write the recovery sheet to a file (0600) instead of showing it.",
)
@format_option
@output_option
@repository_options
@click.pass_obj
def command(app: App, /, sheet: Path | None, output_format: str, output: Path | None) -> None:
    """Make a new, empty repository.

    The recovery sheet that is printed holds the master key: print it, seal it in an envelope and
    lock it away, not in the server room.  An init that was cut off is gone on with.
    """
    destination = configured_destination(app)
    _refuse_second(app, destination)
    _refuse_pinned(destination)
    backend = first_backend(app)
    if output is not None and sheet is None:
        raise UsageError(
            "--output would write the master key into a file that others may read",
            hint="add --sheet FILE, which only you can read",
        )
    password = read_password(app, confirm=True)
    now = app.clock.now()
    begun = _find_begun(destination, backend, password)
    with _reserved(sheet, begun):
        repository = begun or create_repository(backend, password, this_origin(now))
    secret = recovery_secret(repository)
    settings = app.settings_if_any
    site = settings.site.name if settings else this_origin(now).hostname
    text = render_sheet(secret, SheetFacts(site, backend.location, now))
    if sheet is not None:
        write_atomically(sheet, text.encode("utf-8"), mode=0o600)
    shown = None if sheet else text
    emit(
        "backup/init",
        {
            "repository_id": repository.config.id,
            "location": backend.location,
            "recovery_sheet": shown,
        },
        text=lambda: f"{shown}\n{render_qr(secret)}" if shown else "",
        output_format=output_format,
        output=output,
    )
    made = "was made before" if begun else "made"
    app.console.print(f"repository {repository.config.id[:10]} {made} at {backend.location}")
    app.console.print(
        f"the recovery sheet is in {sheet}: print it, lock it away, delete the file"
        if sheet
        else "print the sheet above and lock it away: it is not shown again"
    )
    # Last: whatever goes wrong here, the sheet is out.
    if destination is not None:
        write_repository_id(app.settings, destination.name, repository.config.id)


def _refuse_second(app: App, destination: Destination | None) -> None:
    """Destinations are clones of one repository: a second one could never be brought together."""
    if destination is None or destination.repository_id is not None:
        return
    for other in app.settings.backup.destinations:
        if other.repository_id is not None:
            raise RepositoryError(
                f"destination {other.name} holds repository {other.repository_id[:10]} already, "
                "and the others are clones of it",
                hint=f"make {destination.name} a clone: lpse-ops backup sync {destination.name}",
            )


def _refuse_pinned(destination: Destination | None) -> None:
    """A disk that is not mounted looks like a place for a new repository."""
    if destination is not None and destination.repository_id is not None:
        raise RepositoryError(
            f"destination {destination.name} is pinned to repository "
            f"{destination.repository_id[:10]}",
            hint=f"is its disk mounted at {destination.location}? for a new repository, take "
            "repository_id out of lpse-ops.yml first",
        )


def _find_begun(
    destination: Destination | None, backend: Backend, password: str
) -> Repository | None:
    """The repository of an init that was cut off before the settings knew of it.

    Empty, and our password opens it; any other is refused when a new one is made there.
    """
    if destination is None:
        return None
    try:
        repository = open_repository(backend, password)
    except (RepositoryMissing, WrongPassword):
        return None
    return None if repository.files(FileKind.SNAPSHOT) else repository


@contextlib.contextmanager
def _reserved(sheet: Path | None, begun: Repository | None) -> Iterator[None]:
    """Make sure the sheet can be written before there is a repository that needs it."""
    if sheet is None or _is_of(sheet, begun):
        yield
        return
    try:
        os.close(os.open(sheet, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    except OSError as error:
        raise UsageError(
            f"cannot write the sheet to {sheet}: {error.strerror}",
            hint="name a file that does not exist yet: --sheet /run/recovery-sheet.txt",
        ) from error
    try:
        yield
    except BaseException:
        sheet.unlink(missing_ok=True)
        raise


def _is_of(sheet: Path, begun: Repository | None) -> bool:
    """Whether the file is the sheet of that repository, or the place that was kept for it."""
    if begun is None:
        return False
    try:
        text = sheet.read_text("utf-8")
        return not text or parse_sheet(text) == recovery_secret(begun)
    except (OSError, ValueError, OpsError):
        return False

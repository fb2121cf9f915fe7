"""Opens the repository a command works on: where it is, its password, and whether it is the one.

The password comes from a file (``--password-file``, settings), an environment variable or a
prompt; never from a flag.
"""

import contextlib
import os
import stat
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from lpse_ops.backup.firstfiles import Beside, FirstFiles
from lpse_ops.backup.openkey import OpenedKey, ensure_exists, open_key
from lpse_ops.backup.storage.backend import Backend
from lpse_ops.cli.destination_access import (
    choose_place,
    configured_destinations,
    is_remote,
    open_place,
)
from lpse_ops.cli.wiring import App
from lpse_ops.errors import RepositoryError, UsageError

if TYPE_CHECKING:
    from lpse_ops.backup.repository import Repository
    from lpse_ops.cli.settings import Destination

PASSWORD_VARIABLE = "LPSE_OPS_PASSWORD"  # noqa: S105 - a name, no password
# A new password does not open what an old one closed.
_BRING_IT_BACK = (
    "bring it back from where its copy is kept; only before the first backup init make one: "
    "(umask 077; openssl rand -base64 24 > {})"
)


def configured_destination(app: App) -> "Destination | None":
    """The destination a command works on: the one named or the first; none with ``--repo``."""
    return app.chosen or next(iter(configured_destinations(app)), None)


def choose_backend(app: App, *, for_reading: bool = False) -> Backend:
    """The place that ``--repo`` or ``--destination`` names, or the first that can be reached."""
    if app.repo is not None and app.destination is None:
        return open_place(app, app.repo)
    backend = choose_place(app, for_reading=for_reading)
    if backend is None:
        raise _no_place()
    return backend


def first_backend(app: App) -> Backend:
    """The same, but nobody is asked whether he answers: for a repository that is not there yet."""
    if app.repo is not None and app.destination is None:
        return open_place(app, app.repo)
    destination = configured_destination(app)
    if destination is None:
        raise _no_place()
    return open_place(app, destination.location, destination)


def _no_place() -> UsageError:
    return UsageError(
        "which repository?",
        hint="give --repo LOCATION, or name a destination in lpse-ops.yml (lpse-ops init DIR)",
    )


def read_password(app: App, *, confirm: bool = False) -> str:
    """The repository's password, from wherever it is kept."""
    path = app.password_file or _configured_password_file(app)
    if path is not None:
        return read_password_file(app, path)
    if PASSWORD_VARIABLE in app.environment:
        return app.environment[PASSWORD_VARIABLE]
    if not sys.stdin.isatty():
        raise UsageError(
            "no password for the repository",
            hint="give --password-file FILE, or set LPSE_OPS_PASSWORD_FILE",
        )
    return str(
        click.prompt("repository password", hide_input=True, confirmation_prompt=confirm, err=True)
    )


def ask_password_now(app: App) -> None:
    """Let a password that is to be typed be typed here: later, a thread would ask for it."""
    is_known = PASSWORD_VARIABLE in app.environment or (
        app.password_file or _configured_password_file(app)
    )
    if not is_known and sys.stdin.isatty():
        app.environment = {**app.environment, PASSWORD_VARIABLE: read_password(app)}


def _configured_password_file(app: App) -> Path | None:
    settings = app.settings_if_any
    return settings.backup.password_file if settings else None


def read_password_file(app: App, path: Path) -> str:
    """A password file's content without surrounding white space, as restic reads it."""
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            content = file.read(1 << 20)
    except OSError as error:
        raise UsageError(
            f"cannot read the password file {path}: {error.strerror}",
            hint=_BRING_IT_BACK.format(path),
        ) from error
    if stat.S_ISREG(mode) and mode & (stat.S_IRGRP | stat.S_IROTH):
        app.console.warn(f"others may read {path}: chmod 600 {path}")
    password = content.decode("utf-8", "surrogateescape").strip()
    if not password:
        raise UsageError(
            f"the password file {path} is empty",
            hint=_BRING_IT_BACK.format(path),
        )
    return password


def open_for(app: App, *, cached: bool = False, for_reading: bool = False) -> "Repository":
    """Open the repository without a lock; refuse one that is not the one pinned in settings."""
    return start_opening(app, cached=cached, for_reading=for_reading).finish()


def open_destination(
    app: App, destination: "Destination", *, cached: bool = False, for_reading: bool = False
) -> "Repository":
    """The same for one destination, whatever the command line names."""
    backend = open_place(app, destination.location, destination, for_reading=for_reading)
    return start_opening_at(app, backend, destination, cached=cached).finish()


class Opening:
    """A repository whose key a thread works out, which takes a third of a second.

    What else is needed is best imported meanwhile.  ``finish`` returns the repository, or raises
    what went wrong; afterwards the thread is gone.
    """

    def __init__(
        self,
        app: App,
        backend: Backend,
        password: str,
        destination: "Destination | None" = None,
        *,
        cached: bool = False,
        first_files: FirstFiles | None = None,
    ) -> None:
        self._app = app
        self.backend = backend
        self._destination = destination
        self._cached = cached
        self._first = first_files

        def work_out_key() -> OpenedKey:
            found = first_files.keys.result() if first_files else None
            return open_key(backend, password, found)

        self._key = Beside(work_out_key)

    def is_running(self) -> bool:
        """Whether ``finish`` would have to wait."""
        return self._key.is_running()

    def finish(self) -> "Repository":
        from lpse_ops.backup.repository import repository_of

        key = self._key.result()
        config = self._first.config.result() if self._first else None
        repository = repository_of(self.backend, key, config)
        refuse_unless_pinned(self._destination, repository)
        if self._cached:
            use_cache(self._app, repository)
        return repository


def use_cache(app: App, repository: "Repository") -> None:
    """Keep index, snapshots and trees of a remote repository on the local disk.

    Not for those who ask what the place itself holds: check, prune, repair, sync, drill.
    """
    if app.no_cache or not is_remote(repository.backend.location):
        return
    from lpse_ops.backup.storage.cache import CachedBackend

    cached = CachedBackend(repository.backend, app.state_folder / "cache", repository.config.id)
    repository.backend = repository.tree_packs = cached


def start_opening(app: App, *, cached: bool = False, for_reading: bool = False) -> Opening:
    """Begin to open the repository; the password, also from a prompt, is read at once."""
    backend = choose_backend(app, for_reading=for_reading)
    return start_opening_at(app, backend, app.chosen, cached=cached)


def ask_for_files(backend: Backend) -> FirstFiles | None:
    """Ask for what opens a repository, where the answer takes its time."""
    return FirstFiles(backend) if is_remote(backend.location) else None


def start_opening_at(
    app: App,
    backend: Backend,
    destination: "Destination | None",
    *,
    cached: bool,
    first: FirstFiles | None = None,
) -> Opening:
    """The same at a place that was chosen before, and maybe asked for its first files."""
    # That there is no repository is told before anybody types a password for it.
    first = first or ask_for_files(backend)
    if first is None:
        ensure_exists(backend)
    else:
        first.ensure_exists()
    password = read_password(app)
    return Opening(app, backend, password, destination, cached=cached, first_files=first)


def refuse_unless_pinned(destination: "Destination | None", repository: "Repository") -> None:
    """Raise if the settings say that another repository belongs there."""
    pinned = destination.repository_id if destination else None
    if destination and pinned and pinned != repository.config.id:
        raise RepositoryError(
            f"{destination.location} holds repository {repository.config.id[:10]}, but "
            f"destination {destination.name} is pinned to {pinned[:10]}",
            hint="is another disk plugged in? otherwise correct repository_id in lpse-ops.yml",
        )


@contextlib.contextmanager
def locked(
    app: App,
    *,
    exclusive: bool = False,
    no_lock: bool = False,
    retry_lock: timedelta = timedelta(),
    cached: bool | None = None,
) -> Iterator["Repository"]:
    """Open the repository and hold a lock on it for the time of the block.

    Who wants it for himself wants to know what is really there: no cache, unless asked for.
    """
    from lpse_ops.backup.locking import hold_lock

    uses_cache = not exclusive if cached is None else cached
    repository = open_for(app, cached=uses_cache, for_reading=no_lock)
    if no_lock:
        yield repository
        return
    with hold_lock(repository, exclusive=exclusive, retry_for=retry_lock):
        yield repository

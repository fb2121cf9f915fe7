"""From the settings' destinations to backends: which one is meant, and whether it answers.

Around a remote place stand, from the inside out, the rate limit, the retries, and (see
``repository_access``) the cache on the local disk, whose answers are neither limited nor repeated.
A portable disk is opened through ``disk_access``, which proves that it is the one.
"""

from collections.abc import Callable
from dataclasses import asdict, is_dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from lpse_ops.backup.openkey import ensure_exists
from lpse_ops.backup.storage.backend import Backend
from lpse_ops.backup.storage.location import LOCAL, open_backend, scheme_of
from lpse_ops.cli.deadline import ask_all
from lpse_ops.cli.wiring import App
from lpse_ops.errors import RepositoryMissing, StorageError, UsageError

if TYPE_CHECKING:
    from lpse_ops.cli.settings import Destination

# Whether a place answers at all is not worth a quarter of an hour; one that takes the question
# and says nothing would be asked anew by each layer.
_PROBE_SECONDS = 15.0
_ANSWER_WITHIN = timedelta(seconds=60)


def configured_destinations(app: App) -> "tuple[Destination, ...]":
    """Those of the settings; only the one that ``--destination`` names, none beside ``--repo``."""
    if app.repo is not None and app.destination is not None:
        raise UsageError(
            "--repo and --destination cannot be combined",
            hint="give --destination NAME for a place in lpse-ops.yml, --repo for any other",
        )
    if app.repo is not None or (app.destination is None and app.settings_if_any is None):
        return ()
    if app.destination is not None:
        return (named_destination(app, app.destination),)
    return app.settings.backup.destinations


def named_destination(app: App, name: str) -> "Destination":
    """The destination of this name; the error names those that there are."""
    known = {each.name: each for each in app.settings.backup.destinations}
    if name not in known:
        raise UsageError(
            f"there is no destination {name!r}",
            hint=f"known in {app.settings.file} are: {', '.join(known) or 'none'}",
        )
    return known[name]


def choose_place(app: App, *, for_reading: bool = False) -> Backend | None:
    """The first destination that answers and holds a repository; remembered in ``app.chosen``.

    What is passed over is told.  None if ``--repo`` names the place, or nothing is configured.
    """
    destinations = configured_destinations(app)
    if not destinations:
        return None
    if app.chosen is None and len(destinations) > 1:
        return _first(app, destinations, for_reading=for_reading)
    app.chosen = app.chosen or destinations[0]
    return open_place(app, app.chosen.location, app.chosen, for_reading=for_reading)


def _first(app: App, destinations: "tuple[Destination, ...]", *, for_reading: bool) -> Backend:
    failures: list[StorageError | RepositoryMissing] = []
    for each in destinations:
        try:
            backend = prepare_to_ask(app, each, for_reading=for_reading)()
        except (StorageError, RepositoryMissing) as error:
            failures.append(error)
            continue
        for destination, failure in zip(destinations, failures, strict=False):
            app.console.warn(f"{destination.name} is passed over: {failure.message}")
        app.chosen = each
        return backend
    raise failures[0]


def prepare_to_ask(
    app: App, destination: "Destination", *, for_reading: bool = False
) -> Callable[[], Backend]:
    """Open a place in this thread; what is returned asks it, in any thread, and gives it.

    Asking raises ``StorageError`` or ``RepositoryMissing`` unless a repository answers soon;
    to open may raise ``StorageError``, too.
    """
    inner = _open_inner(app, destination.location, destination, for_reading=for_reading)
    name = destination.name

    def ask() -> Backend:
        probe = _wrap(app, inner, destination, _PROBE_SECONDS)
        hint = f"is it overloaded? lpse-ops backup snapshots --destination {name} waits longer"
        error = ask_all({name: lambda: ensure_exists(probe)}, _ANSWER_WITHIN, hint)[name]
        if error is not None:
            raise error
        return _wrap(app, inner, destination)

    return ask


def open_place(
    app: App,
    location: str,
    destination: "Destination | None" = None,
    *,
    for_reading: bool = False,
    patience_seconds: float | None = None,
) -> Backend:
    """A backend for a location, with the wrappers of a remote one; ``StorageError`` if away.

    A remote place that does not answer is waited for, as long as ``retry`` says or so long.
    """
    inner = _open_inner(app, location, destination, for_reading=for_reading)
    return _wrap(app, inner, destination, patience_seconds)


def _open_inner(
    app: App, location: str, destination: "Destination | None", *, for_reading: bool
) -> Backend:
    if destination is not None and destination.disk is not None:
        from lpse_ops.cli.disk_access import open_disk_destination

        return open_disk_destination(destination, for_reading=for_reading)
    return open_backend(location, _options(app, destination, scheme_of(location)))


def is_remote(location: str) -> bool:
    return scheme_of(location) != LOCAL


def _options(app: App, destination: "Destination | None", scheme: str) -> dict[str, Any]:
    """What an opener may want to know: the settings under the name of its scheme."""
    options: dict[str, Any] = {"notice": app.console.warn}
    if scheme == "sftp":
        from lpse_ops.cli.sftp_access import dialler_for_command

        return options | {"dial": dialler_for_command(destination)}
    settings = getattr(destination, scheme, None)
    if settings is None:
        return options
    if is_dataclass(settings) and not isinstance(settings, type):
        return options | asdict(settings)
    return options | dict(settings)


def _wrap(
    app: App,
    inner: Backend,
    destination: "Destination | None",
    patience_seconds: float | None = None,
) -> Backend:
    if not is_remote(inner.location):
        return inner
    from lpse_ops.backup.storage.retry import GIVE_UP_AFTER_SECONDS, RetryBackend

    if destination is not None and destination.limit is not None:
        from lpse_ops.backup.storage.limit import LimitedBackend

        inner = LimitedBackend(inner, destination.limit, app.clock)
    patience = GIVE_UP_AFTER_SECONDS if patience_seconds is None else patience_seconds
    name = f"{destination.name}: " if destination is not None else ""
    return RetryBackend(
        inner,
        tell=lambda text: app.console.warn(f"{name}{text}"),
        give_up_after_seconds=patience,
    )

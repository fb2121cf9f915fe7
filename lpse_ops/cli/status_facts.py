"""Collects what is known of the backups: settings, ledger, and destinations that answer."""

import functools
import re
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from lpse_ops.backup.statusdestination import ledger_newest
from lpse_ops.backup.statusfacts import BackupFacts, History, Limits, Media, Place, read_history
from lpse_ops.cli.destination_access import named_destination, open_place
from lpse_ops.cli.repository_access import (
    ask_password_now,
    choose_backend,
    open_destination,
    open_for,
)
from lpse_ops.cli.status_sightings import Look, look_at_all
from lpse_ops.cli.wiring import App
from lpse_ops.errors import LedgerError, UsageError

if TYPE_CHECKING:
    from lpse_ops.cli.settings import Destination, Settings

PATIENCE = timedelta(seconds=20)
# The name of what ``--repo`` names.
_ONE = "repository"


def gather(
    app: App, *, ask: bool = True, alert_after: timedelta | None = None, patience: timedelta
) -> BackupFacts:
    """All that ``judge`` needs; with ``--repo`` only what that repository says itself."""
    limits = _limits(app.settings_unless_empty)
    facts = BackupFacts(
        now=app.clock.now(),
        places=_places(app),
        limits=replace(limits, alert_after=alert_after) if alert_after else limits,
    )
    facts = _with_history(app, facts)
    if not ask:
        return facts
    ask_password_now(app)
    looks = {place.name: _look(app, facts, place.name, patience) for place in facts.places}
    return replace(facts, sightings=look_at_all(looks, facts.now, patience))


def media_of(destination: "Destination | str") -> Media:
    """What kind of place it is: a portable disk is known by its ``disk:`` section."""
    location = destination if isinstance(destination, str) else destination.location
    if not isinstance(destination, str) and destination.disk is not None:
        return "disk"
    scheme = re.match(r"(sftp|s3):", location)
    if scheme is None:
        return "local"
    return "s3" if scheme[1] == "s3" else "sftp"


def _places(app: App) -> tuple[Place, ...]:
    if app.repo is not None:
        return (Place(_ONE, media_of(app.repo)),)
    settings = app.settings_if_any
    found = settings.backup.destinations if settings else ()
    if app.destination is not None:
        found = (named_destination(app, app.destination),)
    if not found:
        raise UsageError(
            "which backups?",
            hint="name a destination in lpse-ops.yml (lpse-ops init DIR), or give --repo LOCATION",
        )
    return tuple(
        Place(each.name, media_of(each), each.disk.kept_at if each.disk else None) for each in found
    )


def _limits(settings: "Settings | None") -> Limits:
    if settings is None:
        return Limits()
    backup = settings.backup
    return Limits(
        backup.alert_after, backup.rotate_after, backup.drill_after, backup.key_drill_after
    )


def _with_history(app: App, facts: BackupFacts) -> BackupFacts:
    """Without a ledger only the destinations can tell."""
    if app.repo is not None:
        return replace(facts, has_ledger=False)
    try:
        history = read_history(app.ledger.records())
    except LedgerError as error:
        return replace(facts, ledger_trouble=error.message)
    return replace(facts, history=history, has_ledger=history != History())


def _look(app: App, facts: BackupFacts, name: str, patience: timedelta) -> Look:
    if app.repo is not None:
        return Look(
            functools.partial(choose_backend, app, for_reading=True),
            functools.partial(open_for, app, for_reading=True),
            None,
        )
    destination = named_destination(app, name)
    return Look(
        functools.partial(
            open_place,
            app,
            destination.location,
            destination,
            for_reading=True,
            # A little less, so that it says itself why it gives up.
            patience_seconds=patience.total_seconds() * 0.7,
        ),
        # From the cache on this machine, where there is one: a day has one new snapshot.
        functools.partial(open_destination, app, destination, cached=True, for_reading=True),
        ledger_newest(facts.history, name, facts.now),
    )

"""Collects what is known of the backups: settings, ledger, and destinations that answer."""

import functools
import re
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from lpse_ops.backup.diskkeeping import is_server_room
from lpse_ops.backup.diskregister import KIND, last_hand_over, read_events
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
        knows_all_places=app.repo is None and app.destination is None,
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
    handed_over = _handed_over(app)
    room = settings.site.server_room if settings else None
    return tuple(place_of(each, handed_over.get(each.name), room) for each in found)


def place_of(destination: "Destination", handed_over_to: str | None, room: str | None) -> Place:
    """Where a destination is: what was recorded last of a disk is truer than the settings."""
    settled = destination.disk.kept_at if destination.disk else None
    kept_at = handed_over_to or settled or destination.kept_at
    is_here = kept_at is not None and is_server_room(kept_at, room)
    return Place(destination.name, media_of(destination), kept_at, in_server_room=is_here)


def _handed_over(app: App) -> dict[str, str]:
    """Where disks were carried to, by name; nothing of a log that is broken, which is told."""
    try:
        events = read_events(app.ledger.records(KIND))
    except LedgerError:
        return {}
    last = {name: last_hand_over(each) for name, each in events.items()}
    return {name: each.kept_at for name, each in last.items() if each and each.kept_at}


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
        history = read_history(app.ledger.records(), own_host(app))
    except LedgerError as error:
        return replace(facts, ledger_trouble=error.message)
    return replace(facts, history=history, has_ledger=history != History())


def own_host(app: App) -> str | None:
    """The name that the runs of the site's server bear, where others may be backed up, too."""
    settings = app.settings_unless_empty
    return settings.site.slug if settings and settings.backup.host else None


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

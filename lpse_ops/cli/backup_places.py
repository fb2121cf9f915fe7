"""Opens several destinations at once: which answer, and whether all hold the same repository.

One that is away, locked, or holds something else stops nobody; it is noted why.
"""

import contextlib
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from lpse_ops.backup.locking import hold_lock
from lpse_ops.backup.storage.backend import Backend
from lpse_ops.backup.sync import Place, open_clone
from lpse_ops.cli.destination_access import prepare_to_ask
from lpse_ops.cli.repository_access import Opening, read_password, refuse_unless_pinned
from lpse_ops.cli.wiring import App
from lpse_ops.errors import (
    DamagedRepository,
    OpsError,
    RepositoryError,
    RepositoryMissing,
    StorageError,
    StorageUnavailable,
)

if TYPE_CHECKING:
    from lpse_ops.cli.settings import Destination

WRITTEN, AWAY, FAILED = "written", "away", "failed"


class Outcome(NamedTuple):
    """What became of a destination in a run: ``written``, ``away`` or ``failed``, and why.

    ``hint`` is for people and in no record.
    """

    status: str
    reason: str | None = None
    hint: str | None = None

    def said(self) -> str:
        """Why, and what to type, on one line."""
        return "; ".join(each for each in (self.reason, self.hint) if each)


@dataclass
class Places:
    """``opened`` in the order of the settings; ``errors`` are those of the others, by name."""

    opened: list[Place] = field(default_factory=list)
    errors: dict[str, OpsError] = field(default_factory=dict)

    def fail(self, name: str, error: OpsError) -> None:
        """Leave a destination out from now on."""
        self.opened = [each for each in self.opened if each.name != name]
        self.errors[name] = error

    def outcomes(self) -> dict[str, Outcome]:
        return {name: outcome_of(error) for name, error in self.errors.items()}


def outcome_of(error: OpsError) -> Outcome:
    return Outcome(AWAY if is_away(error) else FAILED, error.message, error.hint)


def is_away(error: OpsError) -> bool:
    """Whether a place is just not there: a disk in the safe, a line that is down."""
    from lpse_ops.backup.disk import DiskAway, DiskEmptied

    is_there = isinstance(error, DiskEmptied)
    return not is_there and isinstance(error, (RepositoryMissing, StorageUnavailable, DiskAway))


def open_places(app: App, destinations: "Sequence[Destination]") -> Places:
    """Open all that answer, with one password; raises only if none can be opened."""
    found = Places()
    backends = dict(_reach_all(app, destinations, found))
    if not backends:
        first_error, *more = found.errors
        for name in more:
            app.console.warn(f"{name}: {found.errors[name].message}")
        raise found.errors[first_error]
    password = read_password(app)
    first: Place | None = None
    for destination in destinations:
        backend = backends.get(destination.name)
        if backend is None:
            continue
        try:
            place = _open(app, destination, backend, password, first)
        except (RepositoryError, StorageError) as error:
            found.errors[destination.name] = error
            continue
        first = first or place
        found.opened.append(place)
    if not found.opened:
        raise next(error for name, error in found.errors.items() if name in backends)
    _send_to_sync(destinations, found)
    return found


def _send_to_sync(destinations: "Sequence[Destination]", found: Places) -> None:
    """Where others have the repository, a new place becomes a clone: ``init`` would be refused."""
    from lpse_ops.backup.disk import DiskEmptied

    for each in destinations:
        error = found.errors.get(each.name)
        if isinstance(error, RepositoryMissing) and each.disk is not None:
            # It was opened, so it is the one: nobody forgot to plug it in.
            found.errors[each.name] = DiskEmptied(each.name, each.location)
        elif isinstance(error, RepositoryMissing):
            hint = f"lpse-ops backup sync {each.name} makes it a clone"
            if each.repository_id is not None:
                hint = f"is it mounted? without its repository_id in lpse-ops.yml, {hint}"
            found.errors[each.name] = RepositoryMissing(error.message, hint=hint)


def _open(
    app: App, destination: "Destination", backend: Backend, password: str, first: Place | None
) -> Place:
    if first is None:
        repository = Opening(app, backend, password, destination).finish()
    else:
        repository = open_clone(backend, first.repository, destination.name)
        refuse_unless_pinned(destination, first.repository)
    return Place(destination.name, repository)


def _reach_all(
    app: App, destinations: "Sequence[Destination]", found: Places
) -> Iterator[tuple[str, Backend]]:
    """Ask all at once: a line that is down takes its time to say so."""

    with ThreadPoolExecutor(max(1, len(destinations))) as threads:
        asked = {}
        for each in destinations:
            try:
                # Here, not there: what is opened is closed with the command of this thread.
                asked[each.name] = threads.submit(prepare_to_ask(app, each))
            except StorageError as error:
                found.errors[each.name] = error
        for name, answer in asked.items():
            try:
                yield name, answer.result()
            except (StorageError, RepositoryMissing) as error:
                found.errors[name] = error


def lock_all(
    stack: contextlib.ExitStack,
    places: Places,
    retry_lock: timedelta,
    *,
    exclusive: bool = False,
    read_meanwhile: bool = False,
) -> None:
    """Lock every place until the stack ends; one that cannot be locked is left out."""
    failures = []
    for place in list(places.opened):
        try:
            stack.enter_context(
                _lock(place, retry_lock, exclusive=exclusive, read_meanwhile=read_meanwhile)
            )
        except OpsError as error:
            places.fail(place.name, error)
            failures.append(error)
    if not places.opened:
        raise failures[0]


@contextlib.contextmanager
def _lock(
    place: Place, retry_lock: timedelta, *, exclusive: bool, read_meanwhile: bool
) -> Iterator[None]:
    """A place that goes away later must not spoil the end of what the others did."""
    lock = hold_lock(
        place.repository, exclusive=exclusive, retry_for=retry_lock, read_meanwhile=read_meanwhile
    )
    held = contextlib.ExitStack()
    held.enter_context(lock)
    try:
        yield
    finally:
        with contextlib.suppress(StorageError, DamagedRepository):
            held.close()


def outcome_fields(outcomes: dict[str, Outcome]) -> dict[str, Any]:
    """As in the ledger and in JSON."""
    return {name: {"status": each.status, "reason": each.reason} for name, each in outcomes.items()}

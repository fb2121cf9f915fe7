"""Bring the clones of the repository up to date with each other, file by file."""

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lpse_ops.backup.clones import leading_first, plan_clone, refuse_deletion, update_clone
from lpse_ops.backup.statusfacts import read_history
from lpse_ops.backup.sync import Place, SyncReport, open_clone
from lpse_ops.backup.syncplan import SyncPlan
from lpse_ops.cli.backup_options import retry_lock_option
from lpse_ops.cli.backup_places import Places, is_away, lock_all, open_places, outcome_of
from lpse_ops.cli.destination_access import named_destination, open_place
from lpse_ops.cli.output import emit
from lpse_ops.cli.parameters import format_option, output_option, repository_options
from lpse_ops.cli.prune_options import PruneBar
from lpse_ops.cli.settings import write_repository_id
from lpse_ops.cli.sizes import format_size
from lpse_ops.cli.sync_report import record_sync
from lpse_ops.cli.wiring import App
from lpse_ops.errors import OpsError, RepositoryError, RepositoryMissing, UsageError

if TYPE_CHECKING:
    from lpse_ops.cli.settings import Destination

_NOT_ALL = 1


@click.command(epilog="Example: lpse-ops backup sync offsite")
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option("--from", "source", metavar="NAME", help="Copy from this one, not from the newest.")
@click.option(
    "--delete",
    is_flag=True,
    help="Also remove what the source no longer has, after both were checked.",
)
@click.option("--dry-run", "-n", is_flag=True, help="Copy and remove nothing, say what would be.")
@retry_lock_option
@format_option
@output_option
@repository_options
@click.pass_obj
def command(
    app: App,
    /,
    names: tuple[str, ...],
    source: str | None,
    delete: bool,
    dry_run: bool,
    retry_lock: timedelta,
    output_format: str,
    output: Path | None,
) -> int:
    """Copy what the destinations NAME (or all that can be reached) lack of the newest one.

    Files are copied as they are and proved by their names.  A destination that is named and empty
    becomes a clone.  Nothing is removed without --delete.  Exit code 1 if a destination that was
    reached is not up to date, or the source is damaged.
    """
    asked = _ask(app, names, source)
    places = _open_all(app, asked, dry_run=dry_run)
    with contextlib.ExitStack() as locks:
        if not dry_run:
            lock_all(locks, places, retry_lock, exclusive=delete)
        sync = _Sync(app, _choose_source(places, asked), places, delete=delete, dry_run=dry_run)
        results = [sync.bring(each) for each in _targets(places, asked, sync.source)]
    missing = {
        name: error
        for name, error in places.errors.items()
        if not asked.names or name in asked.names
    }
    for name, error in missing.items():
        app.console.warn(f"{name} was not synced: {outcome_of(error).said()}")
    emit(
        "backup/sync",
        {
            "dry_run": dry_run,
            "source": sync.source.name,
            "destinations": {each.name: each.fields() for each in results},
            "not_reached": {name: error.message for name, error in missing.items()},
        },
        text=lambda: (
            "\n".join(each.render(sync.source.name, dry_run=dry_run) for each in results)
            or "nothing was synced"
        ),
        output_format=output_format,
        output=output,
    )
    for each in results:
        for line in each.problems:
            app.console.warn(f"{each.name}: {line}")
    is_missing = any(asked.names or not is_away(error) for error in missing.values())
    return _NOT_ALL if is_missing or any(each.problems for each in results) else 0


@dataclass(frozen=True)
class _Asked:
    """``names`` are the targets, none for all; ``fresh`` may be made clones."""

    destinations: "tuple[Destination, ...]"
    names: tuple[str, ...]
    source: str | None


def _ask(app: App, names: tuple[str, ...], source: str | None) -> _Asked:
    if app.repo is not None or app.destination is not None:
        raise UsageError(
            "sync works with the destinations in lpse-ops.yml, without --repo and --destination",
            hint="name them: lpse-ops backup sync --from disk-a offsite; snapshots of another "
            "repository come by lpse-ops backup copy",
        )
    for name in (*names, *([source] if source else [])):
        named_destination(app, name)
    if source in names:
        raise UsageError(f"{source} cannot be synced from itself", hint="name another target")
    destinations = app.settings.backup.destinations
    if len(destinations) < 2:
        raise UsageError(
            "there is nothing to sync: lpse-ops.yml names fewer than two destinations",
            hint=f"add another below backup.destinations in {app.settings.file}",
        )
    return _Asked(destinations, names, source)


def _open_all(app: App, asked: _Asked, *, dry_run: bool) -> Places:
    """Every place that answers, and those named that are empty as clones to be."""
    places = open_places(app, asked.destinations)
    known = places.opened[0].repository
    for destination in asked.destinations:
        error = places.errors.get(destination.name)
        if destination.name not in asked.names or not isinstance(error, RepositoryMissing):
            continue
        _refuse_pinned(destination)
        backend = open_place(app, destination.location, destination)
        clone = open_clone(backend, known, destination.name)
        if not dry_run:
            # A lock needs a place to be in.
            backend.prepare()
        places.opened.append(Place(destination.name, clone))
        del places.errors[destination.name]
    return places


def _refuse_pinned(destination: "Destination") -> None:
    """A disk that is not mounted looks like a place for a clone; a disk record proves more."""
    if destination.repository_id is not None and destination.disk is None:
        raise RepositoryError(
            f"destination {destination.name} is pinned to repository "
            f"{destination.repository_id[:10]}, and {destination.location} is empty",
            hint="is its disk mounted? for a new clone, take its repository_id out of "
            "lpse-ops.yml first",
        )


def _choose_source(places: Places, asked: _Asked) -> Place:
    if asked.source is not None:
        if asked.source in places.errors:
            raise places.errors[asked.source]
        return next(each for each in places.opened if each.name == asked.source)
    others = [each for each in leading_first(places.opened) if each.name not in asked.names]
    if not others:
        for name, error in places.errors.items():
            if name not in asked.names:
                raise OpsError(f"nothing to copy from: {name}: {error.message}", hint=error.hint)
        raise UsageError(
            "every destination that can be reached is named as a target",
            hint="name one fewer, or say where to copy from: --from NAME",
        )
    return others[0]


def _targets(places: Places, asked: _Asked, source: Place) -> list[Place]:
    return [
        each
        for each in places.opened
        if each is not source and (not asked.names or each.name in asked.names)
    ]


@dataclass
class _Result:
    """What became of one target; ``problems`` are lines for people, none if all is well."""

    name: str
    plan: SyncPlan
    report: SyncReport
    problems: list[str] = field(default_factory=list)
    hint: str | None = None

    def fields(self) -> dict[str, Any]:
        return {
            "status": "failed" if self.problems else "ok",
            "missing_files": len(self.plan.missing),
            "missing_bytes": self.plan.missing_bytes,
            "extra_files": len(self.plan.extra),
            **vars(self.report),
            "problems": self.problems,
        }

    def render(self, source: str, *, dry_run: bool) -> str:
        plan, report = self.plan, self.report
        if dry_run:
            done = f"{len(plan.missing)} files, {format_size(plan.missing_bytes)}, would be copied"
        else:
            done = f"{report.files} files, {format_size(report.bytes)}, copied from {source}"
        lines = [f"{self.name}: {done}" + (", NOT up to date" if self.problems else "")]
        if report.removed:
            lines.append(f"{self.name}: {report.removed} files removed")
        elif plan.extra:
            lines.append(
                f"{self.name}: {len(plan.extra)} files that {source} has no more "
                + ("could be removed" if dry_run else "stay; --delete removes them")
            )
        return "\n".join(lines)


class _Sync:
    def __init__(
        self, app: App, source: Place, places: Places, *, delete: bool, dry_run: bool
    ) -> None:
        self.source = source
        self._app = app
        self._places = places
        self._delete = delete
        self._dry_run = dry_run
        self._plan = SyncPlan((), (), (), needs_config=False)

    def bring(self, target: Place) -> _Result:
        """Sync one target; what goes wrong with it does not stop the next."""
        try:
            report = self._report(target)
        except OpsError as error:
            if not self._dry_run:
                record_sync(self._app, self.source, target, None, error, delete=self._delete)
            return _Result(target.name, self._plan, SyncReport(), [error.message, error.hint])
        problems = [*report.problems, *report.healed]
        if not self._dry_run:
            record_sync(self._app, self.source, target, report, delete=self._delete)
            if not report.held_back:
                self._pin(target)
        return _Result(target.name, self._plan, report, problems)

    def _report(self, target: Place) -> SyncReport:
        self._plan = SyncPlan((), (), (), needs_config=False)
        if self._delete:
            refuse_known_damage(self._app, (self.source, target))
            refuse_nights_of_its_own(self._app, self.source, target)
        if self._dry_run:
            self._plan = plan_clone(self.source, target)
            if self._delete and self._plan.extra:
                refuse_deletion(self.source, target, self._plan)
            return SyncReport()
        others = [each for each in self._places.opened if each not in (self.source, target)]
        with self._app.console.progress_bar(f"syncing {target.name}") as bar:
            return update_clone(
                self.source, target, others, PruneBar(bar), delete=self._delete, told=self._told
            )

    def _told(self, plan: SyncPlan) -> None:
        self._plan = plan

    def _pin(self, target: Place) -> None:
        destination = named_destination(self._app, target.name)
        if destination.repository_id is None:
            write_repository_id(self._app.settings, target.name, self.source.repository.config.id)


def refuse_nights_of_its_own(app: App, source: Place, target: Place) -> None:
    """Nothing is deleted while the log says that the source never got what the target has."""
    if read_history(app.ledger.records()).has_more(target.name, source.name):
        raise RepositoryError(
            f"nothing is deleted: {target.name} has snapshots of a time when {source.name} was "
            "away",
            hint=f"bring them there first: lpse-ops backup sync --from {target.name} {source.name}",
        )


def refuse_known_damage(app: App, places: Sequence[Place]) -> None:
    """Nothing is deleted while the log says that the last check of a copy found damage."""
    last = {each.facts.get("destination"): each for each in app.ledger.records("check")}
    for place in places:
        found = last.get(place.name)
        if found is not None and found.facts.get("status") == "damaged":
            raise RepositoryError(
                f"nothing is deleted: the last check of {place.name}, on {found.time:%Y-%m-%d}, "
                "found damage",
                hint=f"lpse-ops backup check --destination {place.name}, and repair what it finds",
            )

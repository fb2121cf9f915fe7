"""What is wrong with a site's backups, told from what is known of them."""

from collections.abc import Iterator
from datetime import date, timedelta

from lpse_ops.backup.diskforecast import is_short
from lpse_ops.backup.statuscopies import find_too_few
from lpse_ops.backup.statusdestination import ledger_newest
from lpse_ops.backup.statusfacts import BackupFacts, Proof, Sighting
from lpse_ops.backup.statusverdict import DestinationStatus, Kind, Severity, Trouble

# Who prunes by hand where nothing can be deleted is not reminded for ever.
_PRUNE_TOLD_FOR = timedelta(days=14)


def find_troubles(
    facts: BackupFacts, destinations: tuple[DestinationStatus, ...], missed: tuple[date, ...]
) -> list[Trouble]:
    """All that is wrong, the gravest first."""
    troubles = [
        *_ledger_troubles(facts),
        *_run_troubles(facts, destinations, missed),
        *_destination_troubles(facts, destinations),
        *_proof_troubles(facts, destinations),
        *(find_too_few(destinations) if facts.knows_all_places else ()),
    ]
    return sorted(troubles, key=lambda trouble: -trouble.severity)


def _ledger_troubles(facts: BackupFacts) -> Iterator[Trouble]:
    if facts.ledger_trouble is not None:
        yield Trouble(Kind.LEDGER, Severity.CRITICAL, detail=facts.ledger_trouble)


def _run_troubles(
    facts: BackupFacts, destinations: tuple[DestinationStatus, ...], missed: tuple[date, ...]
) -> Iterator[Trouble]:
    runs = facts.history.runs
    # Where nobody answered, there may well be snapshots: that is told of each destination.
    answered = [each for each in destinations if each.trouble is None]
    if answered and not any(each.newest for each in destinations):
        yield Trouble(Kind.NEVER, Severity.CRITICAL)
    if runs and runs[-1].status == "failed":
        last = runs[-1]
        yield Trouble(Kind.FAILED, Severity.CRITICAL, since=last.finished, detail=last.error)
    elif runs and runs[-1].status == "partial":
        last = runs[-1]
        yield Trouble(Kind.PARTIAL, Severity.WARNING, since=last.finished, detail=last.error)
    if missed and missed[-1] == facts.now.date() - timedelta(days=1):
        yield Trouble(Kind.MISSED, Severity.WARNING, detail=missed[-1].isoformat())


def _destination_troubles(
    facts: BackupFacts, destinations: tuple[DestinationStatus, ...]
) -> Iterator[Trouble]:
    for each in destinations:
        sighting = facts.sightings.get(each.name)
        fresh_elsewhere = any(other.is_fresh for other in destinations if other is not each)
        yield from _freshness(facts, each, fresh_elsewhere=fresh_elsewhere)
        yield from _refusals(facts, each)
        yield from _room(facts, each)
        yield from _prune(facts, each)
        if sighting is not None:
            yield from _sighting_troubles(facts, each, sighting, fresh_elsewhere=fresh_elsewhere)


def _freshness(
    facts: BackupFacts, each: DestinationStatus, *, fresh_elsewhere: bool
) -> Iterator[Trouble]:
    """A disk that lies in its safe while another one is plugged in is no trouble for a while."""
    if each.newest is None:
        # Where no destination has any, that is said once.
        if fresh_elsewhere:
            yield Trouble(Kind.EMPTY, Severity.WARNING, each.name)
        return
    if each.is_fresh:
        return
    age = facts.now - each.newest.time
    if each.media == "disk" and fresh_elsewhere and each.reachable is not True:
        if age > facts.limits.rotate_after:
            detail = each.kept_at or ""
            yield Trouble(Kind.ROTATE, Severity.WARNING, each.name, each.newest.time, detail)
        return
    severity = Severity.WARNING if fresh_elsewhere else Severity.CRITICAL
    yield Trouble(Kind.STALE, severity, each.name, each.newest.time)


def _refusals(facts: BackupFacts, each: DestinationStatus) -> Iterator[Trouble]:
    """One that answers, and yet did not get what the others got: told before it is stale."""
    runs = facts.history.runs
    if each.last_error is not None and each.trouble is None and runs and runs[-1].is_good:
        yield Trouble(Kind.NOT_WRITTEN, Severity.WARNING, each.name, detail=each.last_error)


def _room(facts: BackupFacts, each: DestinationStatus) -> Iterator[Trouble]:
    days = facts.history.days_until_full(each.name, facts.now)
    if is_short(days):
        yield Trouble(Kind.FULL_SOON, Severity.WARNING, each.name, detail=str(days))


def _prune(facts: BackupFacts, each: DestinationStatus) -> Iterator[Trouble]:
    """What failed last, at the place itself or when it followed another one; not for ever."""
    history = facts.history
    ends = [
        (end.time, end.status, end.error) for end in history.prunes if end.destination == each.name
    ]
    ends += [
        (end.time, end.status, end.error)
        for end in history.syncs
        if end.destination == each.name and end.deletes
    ]
    time, status, error = max(ends, default=(facts.now, "ok", ""))
    if status != "ok" and facts.now - time < _PRUNE_TOLD_FOR:
        yield Trouble(Kind.PRUNE_FAILED, Severity.WARNING, each.name, time, error)


def _sighting_troubles(
    facts: BackupFacts, each: DestinationStatus, sighting: Sighting, *, fresh_elsewhere: bool
) -> Iterator[Trouble]:
    if sighting.trouble is not None:
        nothing_known = each.newest is None and not fresh_elsewhere
        if each.media != "disk" or nothing_known:
            yield Trouble(
                Kind.UNREACHABLE,
                Severity.CRITICAL if nothing_known else Severity.WARNING,
                each.name,
                each.away_since,
                sighting.trouble,
            )
        return
    known = ledger_newest(facts.history, each.name, facts.now)
    if known is not None and known.id not in sighting.snapshots:
        yield Trouble(Kind.GONE, Severity.CRITICAL, each.name, known.time, known.id)
    if sighting.future is not None:
        yield Trouble(
            Kind.FUTURE,
            Severity.WARNING,
            each.name,
            sighting.future.time,
            sighting.future.id,
        )


def _proof_troubles(
    facts: BackupFacts, destinations: tuple[DestinationStatus, ...]
) -> Iterator[Trouble]:
    newest: dict[str, Proof] = {}
    for proof in facts.history.checks:
        newest[proof.destination] = proof
    for proof in newest.values():
        if proof.status != "ok":
            # One that could not be made, because of a lock or a line, says nothing of the data.
            severity = Severity.CRITICAL if proof.status == "damaged" else Severity.WARNING
            yield Trouble(Kind.DAMAGED, severity, proof.destination, proof.time)
    drills = facts.history.drills
    if drills and drills[-1].status != "ok":
        last = drills[-1]
        detail = "; ".join(last.problems)
        yield Trouble(Kind.DRILL_FAILED, Severity.CRITICAL, last.destination, last.time, detail)
    if facts.has_ledger:
        yield from _overdue(facts, destinations)


def _overdue(facts: BackupFacts, destinations: tuple[DestinationStatus, ...]) -> Iterator[Trouble]:
    """Drills and checks that are due; who has just begun has as much time as everybody else."""
    history, limits, now = facts.history, facts.limits, facts.now
    begun = next((run.started for run in history.runs if run.is_good), None)
    if begun is None:
        return
    drilled = max((each.time for each in history.drills if each.status == "ok"), default=None)
    if now - (drilled or begun) > limits.drill_after:
        yield Trouble(Kind.DRILL_OLD, Severity.WARNING, since=drilled)
    key_drilled = max(history.key_drills, default=None)
    if now - (key_drilled or begun) > limits.key_drill_after:
        yield Trouble(Kind.KEY_DRILL_DUE, Severity.WARNING, since=key_drilled)
    # The drill of a single one is asked for already.
    for each in destinations if len(destinations) > 1 else ():
        proved = each.proof.time if each.proof else None
        if each.newest is not None and now - (proved or begun) > limits.drill_after:
            yield Trouble(Kind.UNVERIFIED, Severity.WARNING, each.name, proved)

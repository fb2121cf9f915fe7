"""What is known of one destination, and how many copies all of them make.

A snapshot of the future does not count as the newest: a clock that was wrong once would hide a
dead timer for years.
"""

from datetime import datetime, timedelta

from lpse_ops.backup.statusfacts import BackupFacts, History, Place, Proof, SnapshotMark
from lpse_ops.backup.statusverdict import Copies, DestinationStatus

# How far the clocks of two machines may be apart.
CLOCK_SKEW = timedelta(minutes=10)


def judge_destination(facts: BackupFacts, place: Place) -> DestinationStatus:
    sighting = facts.sightings.get(place.name)
    newest = find_newest(facts, place.name)
    reachable = None if sighting is None else sighting.trouble is None
    return DestinationStatus(
        name=place.name,
        media=place.media,
        kept_at=place.kept_at,
        reachable=reachable,
        trouble=sighting.trouble if sighting else None,
        newest=newest,
        proof=_last_good_proof(facts.history, place.name),
        away_since=None if reachable else _away_since(facts.history, place.name),
        last_error=_last_error(facts.history, place.name),
        is_fresh=newest is not None and facts.now - newest.time <= facts.limits.alert_after,
        is_off_site=place.is_off_site(reachable=reachable),
        is_damaged=_is_damaged(facts.history, place.name),
        room=(facts.history.rooms.get(place.name) or (None,))[-1],
    )


def find_newest(facts: BackupFacts, name: str) -> SnapshotMark | None:
    """The newest snapshot at a destination: as it says itself, else as the ledger does."""
    known = ledger_newest(facts.history, name, facts.now)
    sighting = facts.sightings.get(name)
    if sighting is None or sighting.trouble is not None:
        return known
    if known is not None and known.id in sighting.snapshots:
        return max(filter(None, (known, sighting.newest)), key=lambda mark: mark.time)
    return sighting.newest


def ledger_newest(history: History, name: str, now: datetime) -> SnapshotMark | None:
    """The newest snapshot that the ledger knows to be at a destination, none of the future."""
    marks = [SnapshotMark(run.snapshot, run.started) for run in history.runs if run.wrote(name)]
    marks += [
        sync.newest
        for sync in history.syncs
        if sync.destination == name and sync.status == "ok" and sync.newest
    ]
    past = [mark for mark in marks if mark.time <= now + CLOCK_SKEW]
    return max(past, key=lambda mark: mark.time, default=None)


def _away_since(history: History, name: str) -> datetime | None:
    """When the destination was first away, if it was in every run and not synced from then on."""
    synced = max(
        (each.time for each in history.syncs if each.destination == name and each.status == "ok"),
        default=None,
    )
    since = None
    for run in reversed(history.runs):
        if synced is not None and run.started <= synced:
            break
        if name in run.destinations:
            if run.destinations[name][0] != "away":
                break
            since = run.started
    return since


def _last_error(history: History, name: str) -> str | None:
    """What went wrong last, unless something went well since."""
    events = [
        (run.finished, run.destinations[name][0] == "written", run.destinations[name][1])
        for run in history.runs
        if run.destinations.get(name, ("away", ""))[0] != "away"
    ]
    events += [
        (sync.time, sync.status == "ok", sync.error)
        for sync in history.syncs
        if sync.destination == name and not (sync.deletes and sync.status != "ok")
    ]
    last = max(events, key=lambda event: event[0], default=None)
    return None if last is None or last[1] else (last[2] or "unknown")


def _last_good_proof(history: History, name: str) -> Proof | None:
    proofs = [
        proof
        for proof in (*history.checks, *history.drills)
        if proof.destination == name and proof.status == "ok"
    ]
    return max(proofs, key=lambda proof: proof.time, default=None)


def _is_damaged(history: History, name: str) -> bool:
    last = [each.status for each in history.checks if each.destination == name][-1:]
    return last == ["damaged"]


def count_copies(destinations: tuple[DestinationStatus, ...]) -> Copies:
    held = [each for each in destinations if each.holds_copy]
    media = tuple(dict.fromkeys(each.media for each in held))
    return Copies(len(held), media, sum(each.is_off_site for each in held))

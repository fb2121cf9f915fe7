"""Whether a good run is followed by forget and prune, and where: decided from what the log knows.

Snapshots are removed at one place, and what went there goes at the clones as ``sync --delete``
does it, so that they stay the same files.  What one of these alone has, of nights when the first
was away, is brought there before: a deletion would take it for what a policy removed.  Nothing is
removed while any copy is known to be damaged, or before another copy than the one it is removed
from was checked.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from lpse_ops.backup.statusfacts import History

# A little less than the week and the month: a run that is early must not skip its turn.
WEEKLY = timedelta(days=6, hours=12)
MONTHLY = timedelta(days=29, hours=12)
# A copy that is here is checked again after so long; of one that is away, an older check will do.
_CHECK_HERE_AFTER = timedelta(days=7)
_CHECKED_AWAY = timedelta(days=35)


@dataclass(frozen=True)
class PruneFacts:
    """``written`` are the places of the settings that have the run's snapshot, in their order.

    ``kept_whole`` are those of which nothing is removed by itself.
    """

    now: datetime
    every: timedelta
    names: Sequence[str]
    written: Sequence[str]
    kept_whole: frozenset[str]
    history: History


@dataclass(frozen=True)
class PrunePlan:
    """First ``check`` these; then prune at ``leader``, if any; then its clones in ``mirror``.

    Those in ``gather`` have snapshots that the leader needs before.
    ``waits_for`` says why nothing is removed though it is time.
    """

    check: tuple[str, ...] = ()
    leader: str | None = None
    mirror: tuple[str, ...] = ()
    waits_for: str = ""
    gather: tuple[str, ...] = ()


NOTHING = PrunePlan()


def plan_prune(facts: PruneFacts) -> PrunePlan:
    here = [name for name in facts.written if name not in facts.kept_whole]
    # A disk that was away has its turn when it is back.
    if not any(_is_due(facts, name) for name in here):
        return NOTHING
    leader, *mirror = here
    if leader != facts.written[0]:
        # It leads: the next run would copy back what is removed behind it.
        return PrunePlan(
            waits_for=f"{facts.written[0]}, of which nothing is removed, stands before {leader} "
            "in lpse-ops.yml: put it last"
        )
    if damaged := [name for name in facts.names if _is_damaged(facts.history, name)]:
        return PrunePlan(waits_for=f"the last check of {damaged[0]} found damage")
    siblings = [name for name in facts.names if name != leader]
    beside = [name for name in facts.written if name != leader]
    if siblings and not beside and not _any_checked(facts, siblings, _CHECKED_AWAY):
        # So that the turn of the others comes, when this one is away.
        return PrunePlan(
            check=_unchecked(facts, [leader]),
            waits_for=f"no other copy was checked in the last {_CHECKED_AWAY.days} days: "
            f"lpse-ops backup check --destination {siblings[0]}",
        )
    gather = tuple(name for name in mirror if facts.history.has_more(name, leader))
    check = _unchecked(facts, beside or [leader])
    return PrunePlan(check, leader, tuple(mirror), gather=gather)


def _is_due(facts: PruneFacts, name: str) -> bool:
    """Whether a place was not thinned out for so long, or failed to be: by itself or as a clone."""
    history = facts.history
    ends = [(each.time, each.status) for each in history.prunes if each.destination == name]
    ends += [
        (each.time, each.status)
        for each in history.syncs
        if each.destination == name and each.deletes
    ]
    # A clock that was wrong once must not put it off for years.
    time, status = max((end for end in ends if end[0] <= facts.now), default=(facts.now, ""))
    return status != "ok" or facts.now - time >= facts.every


def _is_damaged(history: History, name: str) -> bool:
    return [each.status for each in history.checks if each.destination == name][-1:] == ["damaged"]


def _unchecked(facts: PruneFacts, names: Sequence[str]) -> tuple[str, ...]:
    return tuple(name for name in names if not _any_checked(facts, [name], _CHECK_HERE_AFTER))


def _any_checked(facts: PruneFacts, names: Sequence[str], within: timedelta) -> bool:
    return any(
        each.destination in names
        and each.status == "ok"
        and timedelta() <= facts.now - each.time < within
        for each in (*facts.history.checks, *facts.history.drills)
    )

"""Whether the backups are well: facts in, verdict out.

A destination's newest snapshot is judged by its age, whoever wrote it and whatever the ledger
says: so a timer that died is noticed, also from a machine that can only read the repository.
"""

from datetime import date, datetime, timedelta

from lpse_ops.backup.statusdestination import count_copies, judge_destination
from lpse_ops.backup.statusfacts import BackupFacts, History
from lpse_ops.backup.statustroubles import find_troubles
from lpse_ops.backup.statusverdict import BackupStatus

_DAYS_LOOKED_AT = 30


def judge(facts: BackupFacts) -> BackupStatus:
    """Turn what is known into a verdict; ``facts.now`` is in the site's time zone."""
    destinations = tuple(judge_destination(facts, place) for place in facts.places)
    missed = find_missed_days(facts.history, facts.now)
    history = facts.history
    good_runs = [run for run in history.runs if run.is_good]
    good_drills = [drill for drill in history.drills if drill.status == "ok"]
    return BackupStatus(
        now=facts.now,
        destinations=destinations,
        copies=count_copies(destinations),
        last_run=history.runs[-1] if history.runs else None,
        last_good_run=good_runs[-1] if good_runs else None,
        last_drill=good_drills[-1] if good_drills else None,
        last_key_drill=max(history.key_drills, default=None),
        missed_days=missed,
        troubles=tuple(find_troubles(facts, destinations, missed)),
        alert_after=facts.limits.alert_after,
    )


def find_missed_days(history: History, now: datetime) -> tuple[date, ...]:
    """Whole days without a good run since the first one, of the last thirty; today is not over."""
    good = {_day(run.started, now) for run in history.runs if run.is_good}
    good |= {_day(run.finished, now) for run in history.runs if run.is_good}
    if not good:
        return ()
    first = max(min(good), now.date() - timedelta(days=_DAYS_LOOKED_AT))
    days = (first + timedelta(days=n) for n in range((now.date() - first).days))
    return tuple(day for day in days if day not in good)


def _day(moment: datetime, now: datetime) -> date:
    return moment.astimezone(now.tzinfo).date()

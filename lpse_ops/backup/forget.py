"""Removes snapshots, by a policy or by name, with guards that restic does not have.

The plan is pure, and is made of all snapshots; nothing is removed unless the whole of it passed
the guards.  Removal only deletes snapshot files: what they alone needed stays until a prune.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import pairwise
from statistics import median

from lpse_ops.backup.milestone import KEEP_FOREVER, refuse_milestones
from lpse_ops.backup.repository import Repository
from lpse_ops.backup.retention import (
    Group,
    GroupBy,
    KeepPolicy,
    Verdict,
    apply_policy,
    group_snapshots,
)
from lpse_ops.backup.snapshot import Snapshot
from lpse_ops.backup.storage.backend import FileKind
from lpse_ops.errors import RepositoryError, StorageRefused

# Clocks of two machines differ by seconds; more means that one of them is wrong.
CLOCK_TOLERANCE = timedelta(minutes=5)
# A weekend, and a day more.
STALE_AT_LEAST = timedelta(days=3)
_STALE_GAPS = 3
_RECENT_GAPS = 7
_LISTED = 10
# A series that stood still so long is new, or the clock jumped forward: seen in so many snapshots.
_STOOD_STILL = timedelta(days=30)
_SINCE_JUMP = 15
_MEASURES = ("total_files_processed", "total_bytes_processed")
_SHRUNK_TO = 2

LAST_COMPLETE = "last complete snapshot"
LAST_LARGE = "last before the series shrank"
NOT_NAMED = "not named"
JUMPED = "a long gap since: was the clock right?"
STALE = "no newer ones are made"

IsComplete = Callable[[Snapshot], bool]


@dataclass(frozen=True)
class GroupPlan:
    """The verdicts on the snapshots of one group, newest first."""

    group: Group
    verdicts: tuple[Verdict, ...]

    @property
    def kept(self) -> list[Snapshot]:
        return [each.snapshot for each in self.verdicts if each.is_kept]

    @property
    def removed(self) -> list[Snapshot]:
        return [each.snapshot for each in self.verdicts if not each.is_kept]


@dataclass(frozen=True)
class ForgetPlan:
    """What becomes of every snapshot that was looked at."""

    groups: tuple[GroupPlan, ...]

    @property
    def removed(self) -> list[Snapshot]:
        return [snapshot for group in self.groups for snapshot in group.removed]


def plan_by_policy(
    everything: Sequence[Snapshot],
    chosen: Sequence[Snapshot],
    policy: KeepPolicy,
    by: GroupBy,
    *,
    now: datetime,
    is_complete: IsComplete,
    may_be_complete: IsComplete | None = None,
    even_if_stale: bool = False,
    skip_stale: bool = False,
) -> ForgetPlan:
    """What the policy says of the chosen of ``everything`` in the repository.

    Milestones are kept.  The last complete snapshot of a group is kept even where the policy would
    let it go.  Raises if the policy is empty or would keep nothing of a group, if the clock is
    behind a snapshot, and, unless told otherwise, if a group that would lose snapshots is stale.

    ``skip_stale`` is for when nobody looks on: such a group is left as it is, and one that has just
    begun again; and the last snapshot that had more than twice as much as the newest is kept, for a
    disk of documents that is not mounted leaves an empty folder behind, and no error.
    """
    if policy.is_empty:
        raise RepositoryError(
            "no policy says what to keep, so nothing is removed",
            hint="give --keep-daily 14 or the like, or fill in backup.keep in lpse-ops.yml",
        )
    _refuse_jumped_clock(everything, now)
    if (KEEP_FOREVER,) not in policy.tags:
        policy = replace(policy, tags=((KEEP_FOREVER,), *policy.tags))
    plans = []
    for group, members in group_snapshots(chosen, by).items():
        plan = GroupPlan(group, tuple(apply_policy(members, policy, now)))
        _refuse_empty_group(plan)
        if plan.removed and not even_if_stale:
            if skip_stale:
                plan = _leave_stale(plan, now)
            else:
                _refuse_stale_group(plan, now)
        plan = _keep_complete(plan, is_complete, may_be_complete or is_complete)
        plans.append(_keep_large(plan) if skip_stale else plan)
    return ForgetPlan(tuple(plans))


def plan_by_name(
    everything: Sequence[Snapshot],
    named: Sequence[Snapshot],
    by: GroupBy,
    *,
    is_complete: IsComplete,
    may_be_complete: IsComplete | None = None,
    even_if_last: bool = False,
) -> ForgetPlan:
    """The named snapshots go, and no other.

    Raises if one of them is a milestone and, unless told otherwise, if the last complete snapshot
    of a group is among them.
    """
    refuse_milestones(list(named))
    going = {each.id for each in named}
    plans = []
    for group, members in group_snapshots(everything, by).items():
        newest_first = sorted(members, key=lambda each: (each.time, each.id), reverse=True)
        verdicts = [
            Verdict(each, () if each.id in going else (NOT_NAMED,)) for each in newest_first
        ]
        plan = GroupPlan(group, tuple(verdicts))
        if plan.removed and not even_if_last:
            _refuse_last_named(plan, is_complete, may_be_complete or is_complete)
        plans.append(plan)
    return ForgetPlan(tuple(plan for plan in plans if plan.removed))


def carry_out(repository: Repository, plan: ForgetPlan) -> None:
    """Remove what the plan removes; the caller holds the exclusive lock.

    Run again after a stop, the same policy comes to the same end.  What the place refuses to
    remove (an append-only key) is told at the end, in one error: all of it is still there, whole.
    """
    refused: list[tuple[Snapshot, StorageRefused]] = []
    for snapshot in plan.removed:
        try:
            repository.remove(FileKind.SNAPSHOT, snapshot.id)
        except StorageRefused as error:
            refused.append((snapshot, error))
    if refused:
        names = ", ".join(each.short_id for each, _ in refused[:_LISTED])
        more = f" and {len(refused) - _LISTED} more" if len(refused) > _LISTED else ""
        raise StorageRefused(
            f"{len(refused)} of {len(plan.removed)} snapshots were not removed ({names}{more}): "
            f"{refused[0][1].message}",
            hint=refused[0][1].hint,
        ) from refused[0][1]


def stale_after(newest_first: Sequence[Snapshot]) -> timedelta:
    """How long a group may stay without a new snapshot: three of its usual gaps, 3 days at least.

    The usual gap is the median of the last seven.
    """
    times = [each.time.timestamp() for each in newest_first[: _RECENT_GAPS + 1]]
    gaps = [newer - older for newer, older in pairwise(times)]
    usual = timedelta(seconds=median(gaps)) if gaps else timedelta()
    return max(STALE_AT_LEAST, _STALE_GAPS * usual)


def _refuse_jumped_clock(everything: Sequence[Snapshot], now: datetime) -> None:
    newest = max(everything, key=lambda each: each.time, default=None)
    if newest is not None and newest.time > now + CLOCK_TOLERANCE:
        raise RepositoryError(
            f"the clock says {_at(now)}, but snapshot {newest.short_id} of {newest.hostname} "
            f"was taken at {_at(newest.time)}",
            hint="set the clock: timedatectl; if the snapshot's time is wrong, "
            f"lpse-ops backup forget {newest.short_id} removes it",
        )


def _refuse_empty_group(plan: GroupPlan) -> None:
    if not plan.kept:
        raise RepositoryError(
            f"the policy would remove every snapshot of {describe(plan.group)}",
            hint="add --keep-last 1; single snapshots go with lpse-ops backup forget SNAPSHOT",
        )


def _leave_stale(plan: GroupPlan, now: datetime) -> GroupPlan:
    """All of it is kept if no backup adds to it any more: a folder or a host that is gone.

    And if it stood still before: to a clock that is years ahead everything is old.
    """
    snapshots = [each.snapshot for each in plan.verdicts]
    if now - snapshots[0].time > stale_after(snapshots):
        reason = STALE
    elif _has_jumped(snapshots):
        reason = JUMPED
    else:
        return plan
    verdicts = (
        each if each.is_kept else Verdict(each.snapshot, (reason,)) for each in plan.verdicts
    )
    return GroupPlan(plan.group, tuple(verdicts))


def _has_jumped(newest_first: Sequence[Snapshot]) -> bool:
    times = [each.time for each in newest_first]
    recent = [newer - older for newer, older in pairwise(times[:_SINCE_JUMP])]
    usual = median(gap.total_seconds() for gap in recent) if recent else 0.0
    longest = max(_STOOD_STILL, timedelta(seconds=_STALE_GAPS * usual))
    return any(gap > longest for gap in recent)


def _refuse_stale_group(plan: GroupPlan, now: datetime) -> None:
    snapshots = [each.snapshot for each in plan.verdicts]
    newest, limit = snapshots[0], stale_after(snapshots)
    if now - newest.time > limit:
        raise RepositoryError(
            f"the newest snapshot of {describe(plan.group)} is of {_at(newest.time)}, more than "
            f"{limit.days} days ago: are backups still taken?",
            hint="run lpse-ops backup first, or remove old ones all the same with --even-if-stale",
        )


def _keep_complete(
    plan: GroupPlan, is_complete: IsComplete, may_be_complete: IsComplete
) -> GroupPlan:
    """The same plan, with the newest complete snapshot kept if no other that is kept is one."""
    if not plan.removed or any(map(is_complete, plan.kept)):
        return plan
    last = next((each for each in plan.removed if may_be_complete(each)), None)
    return GroupPlan(
        plan.group,
        tuple(
            Verdict(each.snapshot, (LAST_COMPLETE,)) if each.snapshot is last else each
            for each in plan.verdicts
        ),
    )


def _keep_large(plan: GroupPlan) -> GroupPlan:
    """The same plan, with the newest kept that has much more than the newest of all."""
    newest = plan.verdicts[0].snapshot
    last = next((each for each in plan.verdicts if _is_much_more(each.snapshot, newest)), None)
    if last is None or last.is_kept:
        return plan
    kept = Verdict(last.snapshot, (LAST_LARGE,))
    return GroupPlan(plan.group, tuple(kept if each is last else each for each in plan.verdicts))


def _is_much_more(snapshot: Snapshot, than: Snapshot) -> bool:
    """By what both say of themselves; an old restic says nothing."""
    pairs = [(snapshot.summary.get(name), than.summary.get(name)) for name in _MEASURES]
    return any(
        type(had) is int and type(has) is int and had > _SHRUNK_TO * has for had, has in pairs
    )


def _refuse_last_named(
    plan: GroupPlan, is_complete: IsComplete, may_be_complete: IsComplete
) -> None:
    if not plan.kept:
        message = f"no snapshot of {describe(plan.group)} would be left"
    elif any(map(is_complete, plan.kept)):
        return
    else:
        last = next((each for each in plan.removed if may_be_complete(each)), None)
        if last is None:
            return
        message = f"{last.short_id} is the last complete snapshot of {describe(plan.group)}"
    raise RepositoryError(
        message,
        hint="take a new one with lpse-ops backup; if nobody needs these any more, --even-if-last",
    )


def describe(group: Group) -> str:
    """A group in words."""
    parts = [
        f"host {group.host}" if group.host else "",
        f"paths {' '.join(group.paths)}" if group.paths else "",
        f"tags {','.join(group.tags)}" if group.tags else "",
    ]
    return ", ".join(part for part in parts if part) or "the repository"


def _at(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S %z}"

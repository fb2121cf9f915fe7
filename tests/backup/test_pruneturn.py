"""When and where a good run is followed by forget and prune."""

from dataclasses import replace
from datetime import datetime

import pytest

from lpse_ops.backup.pruneturn import (
    MONTHLY,
    NOTHING,
    WEEKLY,
    PruneFacts,
    PrunePlan,
    plan_prune,
)
from lpse_ops.backup.statusfacts import History, Proof, Prune, Sync
from tests.backup.statuscases import NOW, ago, run_at

A, B, C = "disk-a", "disk-b", "offsite"


def checked(name: str, time: datetime, status: str = "ok") -> Proof:
    return Proof("check", name, status, time)


def facts(*written: str, names: tuple[str, ...] = (A, B, C), **more: object) -> PruneFacts:
    known = PruneFacts(NOW, WEEKLY, names, written, frozenset(), History())
    return replace(known, **more)  # type: ignore[arg-type]


def test_the_only_copy_is_checked_before_anything_goes() -> None:
    assert plan_prune(facts(A, names=(A,))) == PrunePlan(check=(A,), leader=A)


def test_the_copies_beside_are_checked_first_and_follow_afterwards() -> None:
    assert plan_prune(facts(A, B, C)) == PrunePlan(check=(B, C), leader=A, mirror=(B, C))
    history = History(checks=(checked(B, ago(days=3)), checked(C, ago(days=9))))
    assert plan_prune(facts(A, B, C, history=history)).check == (C,)


def test_without_any_place_written_nothing_is_done() -> None:
    assert plan_prune(facts()) == NOTHING


@pytest.mark.parametrize(
    ("prunes", "every", "is_due"),
    [
        ((), WEEKLY, True),
        ((Prune(A, "ok", ago(days=6)),), WEEKLY, False),
        ((Prune(A, "ok", ago(days=7)),), WEEKLY, True),
        ((Prune(A, "ok", ago(days=7)),), MONTHLY, False),
        ((Prune(A, "ok", ago(days=30)),), MONTHLY, True),
        ((Prune(A, "ok", ago(days=2)), Prune(A, "failed", ago(days=1))), WEEKLY, True),
        ((Prune(A, "failed", ago(days=2)), Prune(A, "ok", ago(days=1))), WEEKLY, False),
        ((Prune(B, "ok", ago(days=1)),), WEEKLY, True),
        ((Prune(A, "ok", ago(days=-400)),), WEEKLY, True),
    ],
    ids=["never", "6 days", "7 days", "short", "a month", "failed", "mended", "another", "future"],
)
def test_it_is_time_a_week_or_a_month_after_the_last_that_went_well(
    prunes: tuple[Prune, ...], every: object, is_due: bool
) -> None:
    plan = plan_prune(facts(A, every=every, names=(A,), history=History(prunes=prunes)))
    assert (plan != NOTHING) is is_due


def test_a_clone_that_was_away_or_failed_has_its_turn_the_next_night() -> None:
    pruned = Prune(A, "ok", ago(days=1))
    for syncs, is_due in (
        ((), True),
        ((Sync(B, "ok", ago(days=1)),), True),
        ((Sync(B, "ok", ago(days=1), deletes=True),), False),
        ((Sync(B, "failed", ago(days=1), deletes=True),), True),
    ):
        history = History(prunes=(pruned,), syncs=syncs)
        plan = plan_prune(facts(A, B, names=(A, B), history=history))
        assert plan == (PrunePlan(check=(B,), leader=A, mirror=(B,)) if is_due else NOTHING)
        assert plan_prune(facts(A, names=(A, B), history=history)) == NOTHING


def test_what_a_clone_alone_has_is_brought_to_the_first_before_anything_goes() -> None:
    """Of the night when the first was away; unless it has it already, from whoever got it."""
    both = run_at(ago(days=4), disk_a="written", disk_b="written")
    alone = run_at(ago(days=2), disk_a="away", disk_b="written", offsite="written")

    def gathered(*syncs: Sync) -> tuple[str, ...]:
        history = History(runs=(both, alone), syncs=syncs)
        return plan_prune(facts(A, B, names=(A, B), history=history)).gather

    assert gathered() == (B,)
    for source in (B, C):
        assert gathered(Sync(A, "ok", ago(days=1), source=source)) == ()
    for useless in (
        Sync(A, "failed", ago(days=1), source=B),
        Sync(A, "ok", ago(days=3), source=B),
        Sync(A, "ok", ago(days=1), source="disk-c"),
        Sync(B, "ok", ago(days=1), source=A),
    ):
        assert gathered(useless) == (B,)
    failed = run_at(ago(days=2), "failed", disk_a="away", disk_b="failed")
    assert plan_prune(facts(A, B, names=(A, B), history=History(runs=(failed,)))).gather == ()


@pytest.mark.parametrize("name", [A, B, C])
def test_nothing_goes_anywhere_while_a_copy_is_known_to_be_damaged(name: str) -> None:
    """Also one that lies in the safe: the others may be needed to repair it."""
    history = History(checks=(checked(name, ago(days=200), "damaged"),))
    plan = plan_prune(facts(A, B, history=history))
    assert (plan.leader, plan.check) == (None, ())
    assert plan.waits_for == f"the last check of {name} found damage"
    repaired = History(checks=(*history.checks, checked(name, ago(days=1))))
    assert plan_prune(facts(A, B, history=repaired)).leader == A


def test_two_disks_that_are_never_here_together_take_turns() -> None:
    """The first week only checks; then the other one was checked, and this one is thinned out."""
    first = plan_prune(facts(A, names=(A, B)))
    assert (first.check, first.leader) == ((A,), None)
    assert "lpse-ops backup check --destination disk-b" in first.waits_for
    history = History(checks=(checked(A, ago(days=7)),))
    assert plan_prune(facts(B, names=(A, B), history=history)) == PrunePlan(check=(B,), leader=B)
    old = History(checks=(checked(A, ago(days=36)), checked(B, ago(days=1))))
    waits = plan_prune(facts(B, names=(A, B), history=old))
    assert (waits.check, waits.leader) == ((), None)
    drilled = History(drills=(Proof("drill", A, "ok", ago(days=30)),))
    assert plan_prune(facts(B, names=(A, B), history=drilled)).leader == B


def test_where_the_key_may_only_add_nothing_goes_and_it_stands_last() -> None:
    keeps = {"kept_whole": frozenset({C})}
    assert plan_prune(facts(A, C, **keeps)) == PrunePlan(check=(C,), leader=A)
    assert plan_prune(facts(C, **keeps)) == NOTHING
    first = plan_prune(facts(C, A, names=(C, A), **keeps))
    assert first.leader is None
    assert "offsite, of which nothing is removed, stands before disk-a" in first.waits_for

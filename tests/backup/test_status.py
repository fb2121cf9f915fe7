"""The verdict on backups: a table of what is known and what is said of it."""

from dataclasses import replace
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from lpse_ops.backup.status import find_missed_days, judge
from lpse_ops.backup.statusfacts import History, Proof, Sighting, Sync, read_history
from lpse_ops.backup.statusverdict import Kind, Severity
from tests.backup.statuscases import (
    DISK_A,
    DISK_B,
    LOCAL,
    NOW,
    OFFSITE,
    LedgerLine,
    ago,
    daily_runs,
    drill_at,
    facts_of,
    mark_at,
    run_at,
    seen,
)

CRITICAL, WARNING = Severity.CRITICAL, Severity.WARNING


def troubles_of(facts):
    return {(each.kind, each.severity, each.destination) for each in judge(facts).troubles}


def test_a_site_whose_runs_are_good_is_well():
    status = judge(facts_of(history=History(daily_runs(40))))
    assert (status.troubles, status.severity) == ((), Severity.OK)
    assert status.missed_days == ()
    assert status.newest == mark_at(NOW.replace(hour=1, minute=30))


def test_without_any_snapshot_that_is_said_once():
    facts = facts_of(LOCAL, OFFSITE, sightings={"local": seen(), "offsite": seen()})
    assert troubles_of(facts) == {(Kind.NEVER, CRITICAL, "")}


def test_a_failed_run_is_critical_until_one_is_good():
    runs = daily_runs(3)
    failed = run_at(ago(hours=1), "failed", "disk full")
    assert troubles_of(facts_of(history=History((*runs, failed)))) == {(Kind.FAILED, CRITICAL, "")}
    assert troubles_of(facts_of(history=History((*runs, failed, run_at(ago()))))) == set()


def test_a_run_that_could_not_read_a_file_is_a_warning():
    history = History((*daily_runs(2), run_at(ago(hours=1), "partial")))
    assert troubles_of(facts_of(history=history)) == {(Kind.PARTIAL, WARNING, "")}


@pytest.mark.parametrize(
    ("hours", "expected"), [(29.9, set()), (30.1, {(Kind.STALE, CRITICAL, "local")})]
)
def test_a_copy_is_stale_after_the_time_of_the_settings(hours, expected):
    facts = facts_of(sightings={"local": seen(ago(hours=hours))}, has_ledger=False)
    assert troubles_of(facts) == expected


def test_a_dead_timer_is_noticed_by_who_has_only_the_repository():
    """No ledger, no settings: the age of the newest snapshot alone."""
    facts = facts_of(sightings={"local": seen(ago(days=90), ago(days=60))}, has_ledger=False)
    [trouble] = judge(facts).troubles
    assert (trouble.kind, trouble.since) == (Kind.STALE, ago(days=60))


def test_a_stale_clone_is_a_warning_while_another_copy_is_fresh():
    history = History(
        (run_at(ago(days=5), offsite="written"), *daily_runs(6, local="written")),
    )
    facts = facts_of(LOCAL, OFFSITE, history=history)
    assert troubles_of(facts) == {(Kind.STALE, WARNING, "offsite")}


def test_a_disk_that_lies_in_its_safe_is_no_trouble_until_its_turn_has_passed():
    runs = (run_at(ago(days=8), disk_b="written"), *daily_runs(9, disk_a="written"))
    away = {"disk-b": Sighting(trouble="disk-b is not plugged in")}
    facts = facts_of(DISK_A, DISK_B, history=History(runs), sightings=away)
    assert troubles_of(facts) == set()
    short = replace(facts.limits, rotate_after=timedelta(days=7))
    assert troubles_of(replace(facts, limits=short)) == {(Kind.ROTATE, WARNING, "disk-b")}


def test_two_disks_that_are_both_old_are_stale():
    runs = (run_at(ago(days=8), disk_b="written"), run_at(ago(days=3), disk_a="written"))
    found = troubles_of(facts_of(DISK_A, DISK_B, history=History(runs)))
    assert {(Kind.STALE, CRITICAL, "disk-a"), (Kind.STALE, CRITICAL, "disk-b")} <= found


def test_a_new_destination_that_was_never_written_is_told():
    history = History(daily_runs(3, local="written"))
    facts = facts_of(LOCAL, OFFSITE, history=history)
    assert troubles_of(facts) == {(Kind.EMPTY, WARNING, "offsite")}


def test_a_destination_that_does_not_answer_is_a_warning_with_its_reason():
    facts = facts_of(
        LOCAL,
        OFFSITE,
        history=History(daily_runs(3, local="written", offsite="written")),
        sightings={"offsite": Sighting(trouble="connection refused")},
    )
    [trouble] = judge(facts).troubles
    assert (trouble.kind, trouble.detail) == (Kind.UNREACHABLE, "connection refused")


def test_where_nobody_answers_and_nothing_is_known_that_is_critical():
    sightings = {"local": Sighting(trouble="no route"), "disk-a": Sighting(trouble="away")}
    assert troubles_of(facts_of(LOCAL, DISK_A, sightings=sightings)) == {
        (Kind.UNREACHABLE, CRITICAL, "local"),
        (Kind.UNREACHABLE, CRITICAL, "disk-a"),
    }


def test_what_the_ledger_knows_and_the_destination_has_lost_is_critical():
    runs = daily_runs(3)
    facts = facts_of(history=History(runs), sightings={"local": seen(runs[0].started)})
    status = judge(facts)
    assert (Kind.GONE, CRITICAL, "local") in troubles_of(facts)
    assert status.newest == mark_at(runs[0].started)


def test_a_snapshot_of_the_future_is_told_and_is_not_fresh():
    """The clock was wrong once: it must not hide a dead timer until 2038."""
    future, past = mark_at(NOW + timedelta(days=4000)), mark_at(ago(days=4))
    sighting = Sighting(snapshots=frozenset({future.id, past.id}), newest=past, future=future)
    facts = facts_of(sightings={"local": sighting}, has_ledger=False)
    assert troubles_of(facts) == {
        (Kind.STALE, CRITICAL, "local"),
        (Kind.FUTURE, WARNING, "local"),
    }


def test_a_run_of_the_future_in_the_ledger_is_not_fresh():
    runs = (*daily_runs(1), run_at(NOW + timedelta(days=300)))
    later = NOW + timedelta(days=3)
    facts = replace(facts_of(history=History(runs)), now=later)
    assert (Kind.STALE, CRITICAL, "local") in troubles_of(facts)


def test_a_clock_of_another_machine_may_be_a_little_ahead():
    facts = facts_of(sightings={"local": seen(NOW + timedelta(minutes=5))}, has_ledger=False)
    assert troubles_of(facts) == set()


def test_yesterday_without_a_backup_is_told_today():
    runs = daily_runs(5)
    history = History((*runs[:3], runs[4]))
    status = judge(facts_of(history=history))
    assert [(each.kind, each.detail) for each in status.troubles] == [(Kind.MISSED, "2026-11-21")]
    assert status.missed_days == (date(2026, 11, 21),)


def test_days_are_those_of_the_site():
    """01:00 in WITA is the evening before in UTC."""
    utc = ZoneInfo("UTC")
    runs = tuple(run_at(datetime(2026, 11, day, 17, 0, tzinfo=utc)) for day in (18, 19, 20, 21))
    assert find_missed_days(History(runs), NOW) == ()


def test_only_the_last_thirty_days_count_and_failed_runs_do_not():
    old = run_at(ago(days=200))
    days = find_missed_days(History((old, run_at(ago(days=2), "failed"))), NOW)
    assert len(days) == 30
    assert days[-1] == date(2026, 11, 21)


def test_before_the_first_run_no_day_was_missed():
    assert find_missed_days(History((run_at(ago()),)), NOW) == ()


def test_drills_are_due_from_the_first_backup_on():
    runs = daily_runs(100)
    assert troubles_of(facts_of(history=History(runs[-80:]))) == set()
    overdue = {(Kind.DRILL_OLD, WARNING, "")}
    assert troubles_of(facts_of(history=History(runs))) == overdue
    drilled = History(runs, drills=(drill_at(ago(days=30)),))
    assert troubles_of(facts_of(history=drilled)) == set()
    aged = History(runs, drills=(drill_at(ago(days=91)),))
    assert troubles_of(facts_of(history=aged)) == overdue


def test_each_copy_is_verified_as_often_as_a_drill_is_due():
    runs = daily_runs(100, local="written", offsite="written")
    drilled = (drill_at(ago(days=30)),)
    check = Proof("check", "offsite", "ok", ago(days=91))
    for checks, since in (((), None), ((check,), ago(days=91)), ((replace(check, time=ago()),), 0)):
        history = History(runs, checks=checks, drills=drilled)
        found = judge(facts_of(LOCAL, OFFSITE, history=history)).troubles
        told = [(each.kind, each.destination, each.since) for each in found]
        assert told == ([] if since == 0 else [(Kind.UNVERIFIED, "offsite", since)])
    young = History(runs[-80:], drills=drilled)
    assert troubles_of(facts_of(LOCAL, OFFSITE, history=young)) == set()


def test_a_failed_drill_and_a_damaged_repository_are_critical_until_the_next_good_one():
    runs = daily_runs(3)
    bad = Proof("check", "local", "damaged", ago(days=1))
    drill = drill_at(ago(days=1), "failed", "22 documents are missing")
    found = judge(facts_of(history=History(runs, checks=(bad,), drills=(drill,))))
    assert {each.kind for each in found.troubles} == {Kind.DAMAGED, Kind.DRILL_FAILED}
    assert found.severity is CRITICAL
    locked = History(runs, checks=(replace(bad, status="failed"),))
    assert troubles_of(facts_of(history=locked)) == {(Kind.DAMAGED, WARNING, "local")}
    again = History(
        runs,
        checks=(bad, replace(bad, status="ok", time=ago())),
        drills=(drill, drill_at(ago())),
    )
    assert troubles_of(facts_of(history=again)) == set()


def test_the_recovery_sheet_is_tried_once_a_year():
    runs = (run_at(ago(days=400)), *daily_runs(40))
    history = History(runs, drills=(drill_at(ago(days=1)),))
    facts = facts_of(history=history)
    assert troubles_of(facts) == {(Kind.KEY_DRILL_DUE, WARNING, "")}
    assert troubles_of(facts_of(history=replace(history, key_drills=(ago(days=300),)))) == set()


def test_copies_are_counted_by_media_and_by_place():
    runs = daily_runs(2, disk_a="written", offsite="written", local="written")
    sightings = {"local": Sighting(trouble="gone")}
    copies = judge(
        facts_of(DISK_A, OFFSITE, LOCAL, DISK_B, history=History(runs), sightings=sightings)
    ).copies
    assert (copies.count, copies.media, copies.off_site) == (3, ("disk", "s3", "local"), 2)


def test_a_disk_that_is_plugged_in_is_not_away_from_the_server_room():
    history = History(daily_runs(2))
    plugged = {"disk-a": seen(history.runs[-1].started)}
    away = {"disk-a": Sighting(trouble="disk-a is not plugged in")}
    for sightings, off_site in ((plugged, 0), (away, 1), ({}, 1)):
        status = judge(facts_of(DISK_A, history=history, sightings=sightings))
        assert status.copies.off_site == off_site


def test_a_destination_that_answers_or_was_synced_is_not_away():
    runs = (run_at(ago(days=2), disk_a=("away", "not plugged in")),)
    synced = (Sync("disk-a", "ok", ago(days=1)),)
    late = (Sync("disk-a", "ok", ago(days=3)), Sync("disk-a", "failed", ago(days=1)))
    answers = {"disk-a": Sighting()}
    for syncs, sightings, since in (
        ((), {}, ago(days=2)),
        (late, {}, ago(days=2)),
        (synced, {}, None),
        ((), answers, None),
    ):
        facts = facts_of(DISK_A, history=History(runs, syncs=syncs), sightings=sightings)
        assert judge(facts).destinations[0].away_since == since


def test_a_destination_knows_since_when_it_is_away_and_what_failed_last():
    runs = (
        run_at(ago(days=4), disk_a="written", offsite="written"),
        run_at(ago(days=3), disk_a=("away", "not plugged in"), offsite="written"),
        run_at(ago(days=2), disk_a=("away", "not plugged in"), offsite=("failed", "403")),
    )
    disk, offsite = judge(facts_of(DISK_A, OFFSITE, history=History(runs))).destinations
    assert (disk.away_since, disk.last_error) == (ago(days=3), None)
    assert (offsite.away_since, offsite.last_error) == (None, "403")


def test_one_that_answers_and_was_not_written_is_told_before_it_is_stale():
    before = daily_runs(2, local="written", offsite="written")
    last = run_at(ago(hours=1), local="written", offsite=("failed", "no space left"))
    sightings = {"offsite": seen(before[-1].started)}
    facts = facts_of(LOCAL, OFFSITE, history=History((*before, last)), sightings=sightings)
    assert troubles_of(facts) == {(Kind.NOT_WRITTEN, WARNING, "offsite")}
    failed = run_at(ago(), "failed", "no password", offsite=("failed", "no password"))
    facts = facts_of(LOCAL, OFFSITE, history=History((*before, last, failed)), sightings=sightings)
    assert troubles_of(facts) == {(Kind.FAILED, CRITICAL, "")}
    good = run_at(ago(), local="written", offsite="written")
    facts = facts_of(LOCAL, OFFSITE, history=History((*before, last, good)))
    assert troubles_of(facts) == set()


def test_a_sync_that_caught_up_counts_as_a_copy():
    runs = daily_runs(3, local="written", offsite="away")
    newest = mark_at(runs[-1].started)
    history = History(runs, syncs=(Sync("offsite", "ok", ago(), newest),))
    offsite = judge(facts_of(LOCAL, OFFSITE, history=history)).destinations[1]
    assert (offsite.newest, offsite.is_fresh) == (newest, True)


def test_a_log_that_cannot_be_read_is_critical():
    facts = facts_of(ledger_trouble="line 3 is broken", sightings={"local": seen(ago(hours=1))})
    assert troubles_of(facts) == {(Kind.LEDGER, CRITICAL, "")}


def test_the_gravest_comes_first():
    history = History((*daily_runs(2), run_at(ago(), "partial")))
    sightings = {"offsite": Sighting(trouble="no"), "local": seen(ago(days=9))}
    status = judge(facts_of(LOCAL, OFFSITE, history=history, sightings=sightings))
    severities = [each.severity for each in status.troubles]
    assert severities == sorted(severities, reverse=True)


def test_a_disk_that_is_full_within_two_weeks_is_told_by_what_the_runs_found():
    room = [(ago(days=day), {"free_bytes": 100 + 10 * day}) for day in range(20, -1, -1)]
    lines = [
        LedgerLine(
            "backup", time, {"status": "ok", "room": {"local": {**free, "total_bytes": 900}}}
        )
        for time, free in room
    ]
    facts = facts_of(history=read_history(lines), sightings={"local": seen(ago())})
    assert [(each.detail) for each in judge(facts).troubles] == ["10"]
    assert troubles_of(facts) == {(Kind.FULL_SOON, WARNING, "local")}
    assert troubles_of(replace(facts, history=read_history(lines[-14:]))) == set()


def test_the_ledger_becomes_a_history():
    text = ago(days=1).isoformat()
    lines = [
        LedgerLine(
            "backup",
            ago(),
            {
                "status": "ok",
                "snapshot": "ab" * 32,
                "started": text,
                "finished": ago().isoformat(),
                "bytes_read": 5,
                "destinations": {"a": {"status": "away", "reason": "no disk"}},
            },
        ),
        LedgerLine(
            "sync",
            ago(),
            {
                "destination": "a",
                "status": "ok",
                "newest_snapshot": "ab" * 32,
                "newest_snapshot_time": text,
            },
        ),
        LedgerLine("check", ago(), {"destination": "a", "status": "damaged"}),
        LedgerLine("drill", ago(), {"status": "ok", "rto_seconds": 7, "problems": ["x"]}),
        LedgerLine("key-drill", ago(), {"status": "ok"}),
        LedgerLine("key-drill", ago(), {"status": "failed"}),
        LedgerLine("disk", ago(), {"event": "eject"}),
    ]
    history = read_history(lines)
    assert history.runs[0].destinations == {"a": ("away", "no disk")}
    assert history.runs[0].started == ago(days=1)
    assert history.syncs[0].newest is not None
    assert history.syncs[0].newest.time == ago(days=1)
    assert (history.checks[0].status, history.drills[0].rto_seconds) == ("damaged", 7)
    assert history.key_drills == (ago(),)


@pytest.mark.parametrize(
    ("facts", "counted"),
    [
        ({"status": "ok", "with_databases": True}, 1),
        ({"status": "ok", "with_databases": False}, 0),
        ({"status": "failed", "with_databases": False}, 1),
    ],
)
def test_a_good_drill_of_the_files_alone_is_no_drill(facts, counted):
    assert len(read_history([LedgerLine("drill", ago(), facts)]).drills) == counted


@pytest.mark.parametrize("kind", ["backup", "sync", "check", "drill"])
@pytest.mark.parametrize(
    "facts",
    [
        {},
        {"status": 5, "snapshot": [], "started": "soon", "bytes_read": "many"},
        {"destinations": [], "problems": {}, "newest_snapshot_time": "2026-01-01T00:00:00"},
        {"destinations": {"a": None}, "rto_seconds": True, "destination": None},
    ],
)
def test_a_record_of_another_shape_is_no_error(kind, facts):
    history = read_history([LedgerLine(kind, ago(), facts)])
    assert judge(facts_of(history=history)).severity is not Severity.UNKNOWN

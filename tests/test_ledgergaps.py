"""What is missing although every line is genuine."""

from datetime import datetime, timedelta, timezone

import pytest

from lpse_ops.ledger import Record
from lpse_ops.ledgergaps import GapFinder

WITA = timezone(timedelta(hours=8))
EVENING = datetime(2026, 3, 9, 22, tzinfo=WITA)


def gaps(*records: Record, now: datetime) -> list[str]:
    finder = GapFinder(now)
    found = [text for record in records for text in finder.add(record)]
    return found + list(finder.end())


def backups(*days: int, kind: str = "backup") -> list[Record]:
    """A record in the evening of each day, counted from the first."""
    return [
        Record(number, kind, EVENING + timedelta(days=day), None, {}, "")
        for number, day in enumerate(days, start=1)
    ]


def after(days: int, hours: int = 1) -> datetime:
    return EVENING + timedelta(days=days, hours=hours)


@pytest.mark.parametrize(
    ("days", "now", "found"),
    [
        ((0, 1, 2), after(2), []),
        ((0, 1, 2), after(3), []),
        ((0, 0, 1), after(1), []),
        ((0, 2), after(2), ["2026-03-10: a day without a backup record"]),
        ((0, 5), after(5), ["2026-03-10 to 2026-03-13: 4 days without a backup record"]),
        ((0,), after(2), ["2026-03-10: a day without a backup record"]),
        ((0,), after(1), []),
        ((), after(9), []),
    ],
    ids=["daily", "today", "twice", "one", "some", "until-now", "not-over", "none-yet"],
)
def test_days_without_a_backup(days: tuple[int, ...], now: datetime, found: list[str]):
    # In UTC it is still the same day when the site's next one begins: its own days count.
    assert gaps(*backups(*days), now=now.astimezone(timezone(timedelta(0)))) == found


def test_other_records_make_no_backup():
    assert gaps(*backups(0, 1, 2, kind="sync"), now=after(9)) == []


def test_a_clock_that_went_back():
    first, second = backups(1, 0)
    (found,) = gaps(first, second, now=after(1))
    assert found == (
        "line 2: the clock went back, from 2026-03-10T22:00:00+08:00 to 2026-03-09T22:00:00+08:00"
    )


def test_days_are_counted_again_once_a_clock_that_ran_ahead_is_right():
    records = backups(0, 3000, 1, 2, 5)
    found = gaps(*records, now=after(5))
    assert [each.partition(":")[0] for each in found] == [
        "2026-03-10 to 2034-05-25",
        "line 3",
        "2026-03-12 to 2026-03-13",
    ]


def test_where_nothing_is_told_today_is_the_sites():
    """Wherever the machine is: in one of these zones it is a day later there."""
    for hours in (-12, -1, 12):
        evening = EVENING.replace(tzinfo=timezone(timedelta(hours=hours)), hour=23, minute=59)
        finder = GapFinder(evening, since=evening.replace(hour=0))
        before = Record(1, "backup", evening - timedelta(days=1), None, {}, "")
        assert [*finder.add(before), *finder.end()] == []


def test_a_small_step_of_the_clock_is_none():
    first = Record(1, "backup", EVENING, None, {}, "")
    second = Record(2, "backup", EVENING - timedelta(seconds=1), None, {}, "")
    assert gaps(first, second, now=after(0)) == []


def test_a_record_of_the_future():
    (found,) = gaps(*backups(0), now=EVENING - timedelta(hours=1))
    assert found == "line 1 is of 2026-03-09T22:00:00+08:00, which is to come"


def run(seq: int, kind: str, hours: int, *, started: int = 0, run: str = "backup") -> Record:
    facts = {"started": str(started)} | ({"run": run} if kind == "begin" else {})
    return Record(seq, kind, EVENING + timedelta(hours=hours), None, facts, "")


def test_a_run_that_ended_is_complete():
    assert gaps(run(1, "begin", 0), run(2, "backup", 3), now=after(1, 3)) == []


def test_a_run_that_never_ended_is_told_also_when_others_followed():
    records = [
        run(1, "begin", 0),
        run(2, "begin", 2, started=2),
        run(3, "backup", 3, started=2),
    ]
    assert gaps(*records, now=after(0, 4)) == []
    assert gaps(*records, now=after(1, 3)) == [
        "line 1: a backup began and its end was never recorded"
    ]


def test_runs_beside_each_other_are_told_apart():
    records = [
        run(1, "begin", 0, run="drill"),
        run(2, "begin", 0),
        run(3, "begin", 1, started=1),
        run(4, "backup", 1),
        run(5, "backup", 2, started=1),
        run(6, "drill", 2),
    ]
    assert gaps(*records, now=after(1, 3)) == []


def failed(seq: int, hours: int, started: str) -> Record:
    facts = {"status": "failed", "started": started, "error": "it was killed"}
    return Record(seq, "backup", EVENING + timedelta(hours=hours), None, facts, "")


@pytest.mark.parametrize(
    ("kind", "started", "is_told"),
    [
        ("backup", (EVENING - timedelta(seconds=9)).isoformat(), False),
        ("backup", (EVENING + timedelta(seconds=9)).isoformat(), True),
        ("drill", (EVENING - timedelta(seconds=9)).isoformat(), True),
        ("backup", "yesterday", True),
        ("backup", "2026-03-09T00:00:00", True),
    ],
    ids=["its-job", "a-later-job", "another-kind", "no-time", "no-zone"],
)
def test_a_killed_run_that_its_job_recorded_is_complete(kind: str, started: str, is_told: bool):
    begun = run(1, "begin", 0, run=kind)
    assert bool(gaps(begun, failed(2, 3, started), now=after(1, 3))) is is_told


def test_a_last_run_may_still_go_on_for_a_day():
    assert gaps(run(1, "begin", 0), now=after(0, 23)) == []
    assert len(gaps(run(1, "begin", 0), now=after(1, 1))) == 1


def test_what_is_explained_already_is_not_told_again():
    records = [run(1, "begin", -99, started=1), *backups(0, 5, 9)]
    since = after(4, -22)
    finder = GapFinder(after(9), since)
    found = [text for record in records for text in finder.add(record)] + list(finder.end())
    # The days from the fourth on, although the last backup before them was earlier.
    assert found == [
        "2026-03-13: a day without a backup record",
        "2026-03-15 to 2026-03-17: 3 days without a backup record",
    ]


def test_memory_is_bounded_whatever_the_log_holds():
    records = [run(seq, "begin", 0, started=seq) for seq in range(1, 3000)]
    assert len(gaps(*records, now=after(5))) == 1000

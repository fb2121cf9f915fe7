from datetime import UTC, date, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

from lpse_ops.backup.retention import Verdict
from lpse_ops.backup.snapshot import Snapshot
from lpse_ops.cli.snapshot_calendar import mark_days, render_calendar

WIT = ZoneInfo("Asia/Jayapura")
GRID = """\
         March 2026                    August 2026
 Mo  Tu  We  Th  Fr  Sa  Su     Mo  Tu  We  Th  Fr  Sa  Su
                          1                          1   2
  2   3   4   5   6   7   8      3   4   5   6   7   8   9
  9- 10* 11  12  13  14  15     10  11  12  13  14  15  16
 16  17  18  19  20  21  22     17! 18  19  20  21  22  23
 23  24  25  26  27  28  29     24  25  26  27  28  29  30
 30  31                         31+

+ kept   - removed   * some kept, some removed   ! kept forever
"""


def verdict(text: str, *, kept: bool = True, forever: bool = False) -> Verdict:
    time = datetime.fromisoformat(text)
    tags = ("keep-forever",) if forever else ()
    snapshot = Snapshot(time if time.tzinfo else time.replace(tzinfo=UTC), bytes(32), (), tags=tags)
    return Verdict(snapshot, ("daily snapshot",) if kept else ())


def test_months_stand_side_by_side_and_empty_ones_are_left_out():
    verdicts = [
        verdict("2026-08-31T10:00"),
        verdict("2026-08-17T11:00"),
        verdict("2026-08-17T10:00", forever=True),
        verdict("2026-03-10T10:00"),
        verdict("2026-03-10T09:00", kept=False),
        verdict("2026-03-09T10:00", kept=False),
        verdict("2026-03-09T09:00", kept=False),
    ]
    assert render_calendar(verdicts, None) == GRID


def test_a_day_is_one_of_the_site_or_else_the_one_written():
    night = verdict("2026-03-09T23:30:00+07:00")
    assert mark_days([night], WIT) == {date(2026, 3, 10): "+"}
    assert mark_days([night], None) == {date(2026, 3, 9): "+"}


def test_what_goes_is_never_hidden_by_what_stays():
    times = [f"2026-03-09T0{hour}:00" for hour in range(4)]
    day = [
        verdict(times[0], forever=True),
        verdict(times[1]),
        verdict(times[2], kept=False),
        verdict(times[3]),
    ]
    assert set(mark_days(day, None).values()) == {"*"}
    assert set(mark_days(reversed(day), None).values()) == {"*"}


def test_no_snapshot_is_no_month():
    assert render_calendar([], None).startswith("+ kept")


def test_the_ends_of_time_have_days_too():
    ends = ["0001-01-01T00:00:00+00:00", "9999-12-31T23:00:00+00:00"]
    verdicts = [verdict(each) for each in ends]
    shown = render_calendar(verdicts, timezone(timedelta(hours=9)))
    assert "  1+" in shown
    assert " 31+" in shown

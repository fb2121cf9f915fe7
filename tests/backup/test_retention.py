"""The rule itself; that it is restic's is proved in ``test_retention_against_restic``."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lpse_ops.backup.retention import (
    UNLIMITED,
    CalendarDuration,
    Group,
    GroupBy,
    KeepPolicy,
    apply_policy,
    group_snapshots,
    parse_calendar_duration,
    parse_group_by,
    parse_tags,
)
from lpse_ops.backup.snapshot import Snapshot

WIB = timezone(timedelta(hours=7))
NOW = datetime(2026, 11, 21, 12, 0, tzinfo=WIB)


def taken(*times: str, tags: Sequence[str] = ()) -> list[Snapshot]:
    """Snapshots at these times, in WIB unless they say otherwise; the time is the id."""
    moments = [datetime.fromisoformat(time) for time in times]
    return [
        Snapshot(
            moment if moment.tzinfo else moment.replace(tzinfo=WIB),
            bytes(32),
            ("/a",),
            tags=tuple(tags),
            id=time,
        )
        for moment, time in zip(moments, times, strict=True)
    ]


def verdicts(snapshots: list[Snapshot], policy: KeepPolicy) -> dict[str, tuple[str, ...]]:
    return {each.snapshot.id: each.reasons for each in apply_policy(snapshots, policy, NOW)}


def test_the_newest_of_each_day_is_kept_and_every_reason_is_told():
    snapshots = taken("2026-11-21T08", "2026-11-21T09", "2026-11-20T09", "2026-11-19T09")
    assert verdicts(snapshots, KeepPolicy(daily=2, yearly=1)) == {
        "2026-11-21T09": ("daily snapshot", "yearly snapshot"),
        "2026-11-21T08": (),
        "2026-11-20T09": ("daily snapshot",),
        "2026-11-19T09": (),
    }


def test_the_oldest_is_kept_while_counts_are_left():
    snapshots = taken("2026-11-21T08", "2026-11-21T09", "2026-11-20T10", "2026-11-20T09")
    assert verdicts(snapshots, KeepPolicy(daily=3))["2026-11-20T09"] == ("oldest daily snapshot",)
    assert verdicts(snapshots, KeepPolicy(daily=2))["2026-11-20T09"] == ()
    assert verdicts(snapshots, KeepPolicy(daily=UNLIMITED))["2026-11-20T09"] != ()


def test_the_offset_written_in_a_snapshot_decides_its_day():
    at_night = taken("2026-11-20T23:30:00+07:00", "2026-11-21T00:30:00+07:00")
    assert len([1 for reasons in verdicts(at_night, KeepPolicy(daily=9)).values() if reasons]) == 2
    same_in_utc = [replace_zone(each) for each in at_night]
    kept = verdicts(same_in_utc, KeepPolicy(daily=1))
    assert list(kept.values()) == [("daily snapshot",), ()]


def replace_zone(snapshot: Snapshot) -> Snapshot:
    return Snapshot(snapshot.time.astimezone(UTC), snapshot.tree, snapshot.paths, id=snapshot.id)


def test_a_week_belongs_to_its_iso_year():
    snapshots = taken("2027-01-01T01", "2026-12-28T01", "2026-12-27T01")
    moment = datetime(2027, 2, 1, tzinfo=WIB)
    found = apply_policy(snapshots, KeepPolicy(weekly=UNLIMITED), moment)
    assert [each.is_kept for each in found] == [True, False, True]


def test_within_counts_from_the_newest_that_is_not_in_the_future():
    snapshots = taken("2027-05-01T00", "2026-11-20T12", "2026-11-19T11", "2026-11-19T13")
    assert verdicts(snapshots, KeepPolicy(within=CalendarDuration(days=1))) == {
        "2027-05-01T00": ("within 1d",),
        "2026-11-20T12": ("within 1d",),
        "2026-11-19T13": ("within 1d",),
        "2026-11-19T11": (),
    }


def test_within_ends_at_the_very_moment():
    snapshots = taken("2026-11-20T12", "2026-11-19T12:00:00.000001", "2026-11-19T12")
    assert list(verdicts(snapshots, KeepPolicy(within=CalendarDuration(days=1))).values()) == [
        ("within 1d",),
        ("within 1d",),
        (),
    ]


def test_the_same_hour_of_two_days_is_two_hours():
    snapshots = taken("2026-11-20T12:30", "2026-11-20T12:10", "2026-11-19T12:50", "2026-11-18T09")
    assert list(verdicts(snapshots, KeepPolicy(hourly=2)).values()) == [
        ("hourly snapshot",),
        (),
        ("hourly snapshot",),
        (),
    ]


def test_within_keeps_all_when_every_snapshot_is_in_the_future_or_the_time_has_no_end():
    future = taken("2027-05-01T00", "2027-06-01T00")
    assert all(verdicts(future, KeepPolicy(within=CalendarDuration(hours=1))).values())
    old = taken("2026-01-01T00", "1999-01-01T00")
    assert all(verdicts(old, KeepPolicy(within=CalendarDuration(years=999_999_999))).values())
    assert all(verdicts(old, KeepPolicy(within=CalendarDuration(days=999_999_999))).values())


def test_tags_keep_what_has_all_of_a_list():
    snapshots = taken("2026-11-20T01", tags=["a"]) + taken("2026-11-19T01", tags=["a", "b"])
    snapshots += taken("2026-11-18T01")
    assert verdicts(snapshots, KeepPolicy(tags=(("b", "a"),)))["2026-11-19T01"] == (
        "has tags [b, a]",
    )
    assert list(verdicts(snapshots, KeepPolicy(tags=(("",),))).values()) == [
        (),
        (),
        ("has tags []",),
    ]


def test_the_year_1_of_a_forged_snapshot_is_no_trouble():
    snapshots = taken("0001-01-01T00:00:00+00:00", "9999-12-31T23:59:59-09:00", "2026-01-01T00")
    policy = KeepPolicy(weekly=9, within=CalendarDuration(years=5000, hours=1))
    assert all(verdicts(snapshots, policy).values())


@st.composite
def histories(draw: st.DrawFn) -> list[Snapshot]:
    hours = draw(st.sets(st.integers(0, 24 * 900), min_size=1, max_size=40))
    times = (NOW - timedelta(hours=each) for each in hours)
    return [Snapshot(time, bytes(32), ("/a",), id=str(time)) for time in times]


COUNTS = st.builds(KeepPolicy, *[st.integers(-1, 5) for _ in range(6)])


@given(histories(), COUNTS, st.data())
def test_a_removal_that_was_cut_short_is_finished_by_the_same_policy(
    history: list[Snapshot], policy: KeepPolicy, data: st.DataObject
) -> None:
    found = apply_policy(history, policy, NOW)
    kept = [each.snapshot for each in found if each.is_kept]
    removed = [each.snapshot for each in found if not each.is_kept]
    staying = data.draw(st.sets(st.integers(0, len(removed))))
    left = [each for number, each in enumerate(removed) if number in staying]
    again = apply_policy([*kept, *left], policy, NOW)
    assert [each.snapshot for each in again if each.is_kept] == kept


@given(histories(), COUNTS)
def test_a_policy_that_is_not_empty_keeps_the_newest(
    history: list[Snapshot], policy: KeepPolicy
) -> None:
    assert apply_policy(history, policy, NOW)[0].is_kept != policy.is_empty


# -- durations, tags, groups -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "before"),
    [
        ("1d", "2026-03-30T10:00"),
        ("1m", "2026-03-03T10:00"),
        ("13m", "2025-03-03T10:00"),
        ("1y5m7d2h", "2024-10-24T08:00"),
        ("2h1y", "2025-03-31T08:00"),
    ],
)
def test_a_duration_is_counted_back_as_restic_does(text: str, before: str):
    moment = datetime(2026, 3, 31, 10, tzinfo=WIB)
    assert parse_calendar_duration(text).before(moment) == datetime.fromisoformat(before).replace(
        tzinfo=WIB
    )


def test_a_duration_before_the_year_1_has_no_beginning():
    assert parse_calendar_duration("2026y").before(NOW) is None


@pytest.mark.parametrize("text", ["", "1", "d", "1w", "1d1d", "-1d", "1 d", "1d,2h", "٣d", "1d2"])
def test_what_is_no_duration_is_refused(text: str):
    with pytest.raises(ValueError, match="1y5m7d2h"):
        parse_calendar_duration(text)


def test_a_duration_is_written_as_it_is_typed():
    assert str(parse_calendar_duration("2h7d5m1y")) == "1y5m7d2h"
    assert not parse_calendar_duration("0d")


def test_a_policy_of_nothing_is_empty():
    assert KeepPolicy(within=parse_calendar_duration("0h")).is_empty
    assert not KeepPolicy(tags=(("a",),)).is_empty
    assert parse_tags("a, b") == ("a", "b")


def test_groups_are_made_as_asked_and_the_order_of_paths_makes_none():
    one = Snapshot(NOW, bytes(32), ("/b", "/a"), "h1", tags=("x",), id="1")
    two = Snapshot(NOW, bytes(32), ("/a", "/b"), "h1", id="2")
    other = Snapshot(NOW, bytes(32), ("/a", "/b"), "h2", id="3")
    assert group_snapshots([other, one, two], GroupBy()) == {
        Group("h1", ("/a", "/b")): [one, two],
        Group("h2", ("/a", "/b")): [other],
    }
    assert list(group_snapshots([one, two], parse_group_by("tags"))) == [
        Group(),
        Group(tags=("x",)),
    ]
    assert group_snapshots([other, one, two], parse_group_by("")) == {Group(): [other, one, two]}


def test_an_unknown_group_is_refused():
    with pytest.raises(ValueError, match="'hots' is none of host, paths, tags"):
        parse_group_by("hots,paths")

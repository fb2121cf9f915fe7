"""When a disk is full."""

from datetime import UTC, datetime, timedelta

import pytest

from lpse_ops.backup.diskforecast import (
    Room,
    days_until_full,
    growth_per_day,
    is_short,
    read_rooms,
)

NOW = datetime(2026, 3, 30, tzinfo=UTC)
GIB = 1 << 30
TOTAL = 1000 * GIB


def rooms(free: list[int], total: int = TOTAL) -> list[Room]:
    """One a day, the last one today; ``free`` in GiB."""
    first = NOW - timedelta(days=len(free) - 1)
    return [Room(first + timedelta(days=day), each * GIB, total) for day, each in enumerate(free)]


def sawtooth(days: int, grows: int) -> list[int]:
    """10 GiB a day are added, and all but ``grows`` a week given back by a weekly prune."""
    return [500 - 10 * (day % 7) - grows * (day // 7) for day in range(days)]


@pytest.mark.parametrize("days", [15, 20, 28, 60])
def test_a_disk_that_fills_steadily(days: int) -> None:
    assert growth_per_day(rooms([600 - 3 * day for day in range(days)]), NOW) == 3 * GIB


@pytest.mark.parametrize("days", range(15, 30))
def test_what_a_weekly_prune_gives_back_is_no_growth_on_any_day_of_the_week(days: int) -> None:
    assert growth_per_day(rooms(sawtooth(days, 0)), NOW) == 0


@pytest.mark.parametrize("days", range(21, 30))
def test_what_grows_below_the_prunes_is_seen(days: int) -> None:
    growth = growth_per_day(rooms(sawtooth(days, 7)), NOW)
    assert growth == pytest.approx(GIB, rel=0.5)


def test_a_prune_of_today_is_no_reason_to_be_afraid() -> None:
    """The fault: it was said that the disk is full in 0 days, by what had been added before."""
    nearly_full = [60 - 2 * day for day in range(27)]
    assert is_short(days_until_full(8 * GIB, growth_per_day(rooms(nearly_full), NOW)))
    assert days_until_full(50 * GIB, growth_per_day(rooms([*nearly_full, 50]), NOW)) == 135


def test_others_who_fill_the_disk_count() -> None:
    per_day = growth_per_day(rooms([400 - 13 * day for day in range(28)]), NOW)
    assert days_until_full((400 - 13 * 27) * GIB, per_day) == 3


@pytest.mark.parametrize(
    "found",
    [
        [],
        rooms([5]),
        rooms([50 - day for day in range(14)]),
        [Room(each.time + timedelta(days=99), *each[1:]) for each in rooms([9] * 20)],
        [Room(each.time - timedelta(days=99), *each[1:]) for each in rooms([9] * 20)],
        [*rooms([900] * 28, 2 * TOTAL)[:20], *rooms([90] * 28)[20:]],
    ],
    ids=["none", "one", "two weeks less a day", "in the future", "long ago", "a new disk"],
)
def test_of_too_few_data_nothing_is_said(found: list[Room]) -> None:
    assert growth_per_day(found, NOW) is None


def test_a_disk_that_is_plugged_in_now_and_then() -> None:
    found = [rooms([90 - day for day in range(28)])[day] for day in (0, 9, 20, 27)]
    assert growth_per_day(found, NOW) == GIB


@pytest.mark.parametrize(
    ("free", "per_day", "days", "short"),
    [
        (10 * GIB, GIB, 10, True),
        (14 * GIB, GIB, 14, False),
        (GIB - 1, GIB, 0, True),
        (GIB, None, None, False),
        (GIB, 0, None, False),
        (GIB, -GIB, None, False),
    ],
)
def test_days_until_full(free: int, per_day: int | None, days: int | None, short: bool) -> None:
    assert days_until_full(free, per_day) == days
    assert is_short(days) is short


@pytest.mark.parametrize(
    "room",
    [
        None,
        [],
        {"a": 5},
        {"a": {"free_bytes": 5}},
        {"a": {"free_bytes": -1, "total_bytes": 9}},
        {"a": {"free_bytes": 10, "total_bytes": 9}},
        {"a": {"free_bytes": True, "total_bytes": "9"}},
    ],
)
def test_a_record_of_another_shape_tells_of_no_room(room: object) -> None:
    assert read_rooms(NOW, {"room": room}) == {}


def test_the_room_of_a_record() -> None:
    facts = {"room": {"a": {"free_bytes": 5, "total_bytes": 9}, "b": {}}}
    assert read_rooms(NOW, facts) == {"a": Room(NOW, 5, 9)}

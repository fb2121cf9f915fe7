"""When a disk is full."""

from datetime import UTC, datetime, timedelta

import pytest

from lpse_ops.backup.diskforecast import Addition, days_until_full, growth_per_day, is_short

NOW = datetime(2026, 3, 30, tzinfo=UTC)
GIB = 1 << 30


def daily(days: int, size: int, first: int = 100 * GIB) -> list[Addition]:
    additions = [Addition(NOW - timedelta(days=day), size) for day in range(days)]
    return [Addition(NOW - timedelta(days=days), first), *additions]


def test_the_first_snapshot_is_no_growth() -> None:
    assert growth_per_day(daily(1, GIB), NOW) == GIB


def test_only_the_last_weeks_count() -> None:
    old = [Addition(NOW - timedelta(days=60 + day), 50 * GIB) for day in range(30)]
    assert growth_per_day([*daily(28, GIB, first=GIB), *old], NOW) == pytest.approx(GIB, rel=0.05)


@pytest.mark.parametrize(
    "additions",
    [[], [Addition(NOW, GIB)], [Addition(NOW + timedelta(days=1), GIB)] * 3],
    ids=["none", "only the first", "only in the future"],
)
def test_nothing_is_known_of_too_few(additions: list[Addition]) -> None:
    assert growth_per_day(additions, NOW) is None


def test_several_on_one_day_are_not_more_a_day_than_they_are() -> None:
    hours = [Addition(NOW - timedelta(hours=hour), GIB) for hour in range(4)]
    assert growth_per_day(hours, NOW) == 3 * GIB


@pytest.mark.parametrize(
    ("free", "per_day", "days", "short"),
    [
        (10 * GIB, GIB, 10, True),
        (14 * GIB, GIB, 14, False),
        (GIB - 1, GIB, 0, True),
        (GIB, None, None, False),
        (GIB, 0, None, False),
    ],
)
def test_days_until_full(free: int, per_day: int | None, days: int | None, short: bool) -> None:
    assert days_until_full(free, per_day) == days
    assert is_short(days) is short

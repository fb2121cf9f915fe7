"""When a rate holds."""

from datetime import UTC, datetime, time, timedelta, timezone

import pytest

from lpse_ops.backup.storage.transferlimit import TransferLimit, rate_at

WITA = timezone(timedelta(hours=8))
OFFICE = TransferLimit(1000, time(8), time(17))
NIGHT = TransferLimit(1000, time(22), time(5))


@pytest.mark.parametrize(
    ("limit", "hour", "minute", "rate"),
    [
        (OFFICE, 7, 59, None),
        (OFFICE, 8, 0, 1000),
        (OFFICE, 16, 59, 1000),
        (OFFICE, 17, 0, None),
        (NIGHT, 21, 59, None),
        (NIGHT, 22, 0, 1000),
        (NIGHT, 0, 0, 1000),
        (NIGHT, 4, 59, 1000),
        (NIGHT, 5, 0, None),
        (TransferLimit(7), 12, 0, 7),
    ],
)
def test_the_hours_of_a_limit(
    limit: TransferLimit, hour: int, minute: int, rate: int | None
) -> None:
    assert rate_at(limit, datetime(2026, 3, 4, hour, minute, tzinfo=WITA)) == rate


def test_the_hours_are_those_of_the_zone_that_is_asked_in() -> None:
    moment = datetime(2026, 3, 4, 1, 0, tzinfo=UTC)
    assert rate_at(OFFICE, moment) is None
    assert rate_at(OFFICE, moment.astimezone(WITA)) == 1000

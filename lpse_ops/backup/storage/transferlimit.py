"""How many bytes a second a destination may get, and when."""

from dataclasses import dataclass
from datetime import datetime, time


@dataclass(frozen=True)
class TransferLimit:
    """Bytes per second; always, or from ``begin`` to ``end`` of every day."""

    bytes_per_second: int
    begin: time | None = None
    end: time | None = None


def rate_at(limit: TransferLimit, moment: datetime) -> int | None:
    """The rate that holds at a moment, by the wall clock of its time zone; None is no limit.

    ``end`` is the first moment that is free again; hours may go over midnight.
    """
    if limit.begin is None or limit.end is None:
        return limit.bytes_per_second
    now = moment.time()
    if limit.begin < limit.end:
        is_inside = limit.begin <= now < limit.end
    else:
        is_inside = now >= limit.begin or now < limit.end
    return limit.bytes_per_second if is_inside else None

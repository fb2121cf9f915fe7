"""Due times and working days as Indonesian papers say them; nothing here asks for the time."""

from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta, tzinfo

from lpse_ops.documents.indonesian import (
    DAYS,
    MONTHS,
    clock_time,
    duration,
    number_in_words,
)


def day_and_date(day: date) -> str:
    """Return ``Jumat, 20 November 2026``."""
    return f"{DAYS[day.weekday()]}, {day.day} {MONTHS[day.month - 1]} {day.year}"


def moment_in_full(moment: datetime, zone: tzinfo) -> str:
    """Return ``Jumat, 20 November 2026 pukul 16.30 WITA``."""
    local = moment.astimezone(zone)
    return f"{day_and_date(local.date())} pukul {clock_time(moment, zone)}"


def workdays_in_words(count: int) -> str:
    """Return ``2 (dua) hari kerja``."""
    return f"{count} ({number_in_words(count)}) hari kerja"


def outcome(done: datetime | None, late_by: timedelta | None, *, is_open: bool) -> str:
    """Say how a promise was kept; ``late_by`` counts only for what is done."""
    if done is None:
        return "belum selesai" if is_open else "dihentikan sebelum selesai"
    if late_by is None:
        return "selesai tepat waktu"
    return f"TERLAMBAT {duration(-int(-late_by.total_seconds() // 1))}"


def doubts(unknown_years: Sequence[int], estimated: Sequence[tuple[date, str]]) -> Iterator[str]:
    """Say why a due time may move: what no decree has fixed yet."""
    for year in unknown_years:
        yield (
            f"hari libur nasional dan cuti bersama tahun {year} belum diketahui menurut SKB, "
            "sehingga jatuh tempo dapat berubah"
        )
    for day, name in estimated:
        yield f"{name}, {day_and_date(day)}, masih perkiraan"

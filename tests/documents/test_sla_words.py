from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from lpse_ops.documents.sla_words import (
    day_and_date,
    doubts,
    moment_in_full,
    outcome,
    workdays_in_words,
)

DONE = datetime(2026, 11, 20, 8, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("zone", "said"),
    [
        ("Asia/Jakarta", "Jumat, 20 November 2026 pukul 23.30 WIB"),
        ("Asia/Makassar", "Sabtu, 21 November 2026 pukul 00.30 WITA"),
        ("Asia/Jayapura", "Sabtu, 21 November 2026 pukul 01.30 WIT"),
    ],
)
def test_the_weekday_is_that_of_the_zone(zone, said):
    moment = datetime(2026, 11, 20, 16, 30, tzinfo=UTC)
    assert moment_in_full(moment, ZoneInfo(zone)) == said


def test_days_and_counts():
    # The Friday that a seed document calls a Saturday.
    assert day_and_date(date(2023, 2, 24)) == "Jumat, 24 Februari 2023"
    assert workdays_in_words(2) == "2 (dua) hari kerja"


@pytest.mark.parametrize(
    ("done", "late_by", "is_open", "said"),
    [
        (None, None, True, "belum selesai"),
        (None, timedelta(days=1), True, "belum selesai"),
        (None, None, False, "dihentikan sebelum selesai"),
        (DONE, None, False, "selesai tepat waktu"),
        (DONE, timedelta(days=2, hours=15, minutes=20), False, "TERLAMBAT 2 hari 16 jam"),
        (DONE, timedelta(seconds=0.5), False, "TERLAMBAT 1 detik"),
    ],
)
def test_how_a_promise_was_kept(done, late_by, is_open, said):
    assert outcome(done, late_by, is_open=is_open) == said


def test_doubts_name_years_and_days():
    found = list(doubts((2028,), ((date(2027, 3, 10), "Hari Raya Idul Fitri"),)))
    assert found[0].startswith("hari libur nasional dan cuti bersama tahun 2028 belum diketahui")
    assert found[1] == "Hari Raya Idul Fitri, Rabu, 10 Maret 2027, masih perkiraan"

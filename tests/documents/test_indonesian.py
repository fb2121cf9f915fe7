from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest

from lpse_ops.documents.indonesian import (
    LARGEST_IN_WORDS,
    clock_time,
    date,
    date_and_time,
    date_in_words,
    day_name,
    duration,
    grouped,
    number_in_words,
    roman,
    size,
    zone_name,
)

JAKARTA, MAKASSAR, JAYAPURA = map(ZoneInfo, ("Asia/Jakarta", "Asia/Makassar", "Asia/Jayapura"))
MONTHS_IN_ROMAN = ("I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX", "X", "XI", "XII")
WORDS = {
    0: "nol",
    1: "satu",
    9: "sembilan",
    10: "sepuluh",
    11: "sebelas",
    12: "dua belas",
    19: "sembilan belas",
    20: "dua puluh",
    21: "dua puluh satu",
    99: "sembilan puluh sembilan",
    100: "seratus",
    101: "seratus satu",
    110: "seratus sepuluh",
    111: "seratus sebelas",
    200: "dua ratus",
    1000: "seribu",
    1001: "seribu satu",
    1100: "seribu seratus",
    1945: "seribu sembilan ratus empat puluh lima",
    2000: "dua ribu",
    2026: "dua ribu dua puluh enam",
    10_000: "sepuluh ribu",
    11_000: "sebelas ribu",
    21_000: "dua puluh satu ribu",
    100_000: "seratus ribu",
    101_000: "seratus satu ribu",
    111_111: "seratus sebelas ribu seratus sebelas",
    999_999: "sembilan ratus sembilan puluh sembilan ribu sembilan ratus sembilan puluh sembilan",
}
VALUE = {"nol": 0, "satu": 1, "dua": 2, "tiga": 3, "empat": 4, "lima": 5, "enam": 6, "tujuh": 7}
VALUE |= {"delapan": 8, "sembilan": 9, "sepuluh": 10, "sebelas": 11, "seratus": 100}


@pytest.mark.parametrize("number", WORDS)
def test_numbers_in_words(number):
    assert number_in_words(number) == WORDS[number]


def test_every_number_in_words_can_be_read_back():
    for number in [*range(20_000), *range(20_000, LARGEST_IN_WORDS, 997)]:
        assert read_back(number_in_words(number)) == number


def read_back(text: str) -> int:
    """Value of the words, read by another rule than the one they were written by."""
    total, group, last = 0, 0, 0
    for word in text.replace("seribu", "satu ribu").split():
        if word == "ribu":
            total, group, last = 1000 * (group + last), 0, 0
        elif word in ("ratus", "puluh"):
            group, last = group + last * (100 if word == "ratus" else 10), 0
        elif word == "belas":
            last += 10
        else:
            group, last = group + last, VALUE[word]
    return total + group + last


@pytest.mark.parametrize("number", [-1, 1_000_000])
def test_numbers_that_are_not_said_in_words(number):
    with pytest.raises(ValueError, match=str(number)):
        number_in_words(number)


@pytest.mark.parametrize(
    ("number", "text"),
    [
        *enumerate(MONTHS_IN_ROMAN, start=1),
        (49, "XLIX"),
        (1945, "MCMXLV"),
        (2026, "MMXXVI"),
        (3999, "MMMCMXCIX"),
    ],
)
def test_roman_numerals(number, text):
    assert roman(number) == text


@pytest.mark.parametrize("number", [0, -3, 4000])
def test_numbers_without_a_roman_numeral(number):
    with pytest.raises(ValueError, match="Roman"):
        roman(number)


@pytest.mark.parametrize(
    ("zone", "day", "text", "hour"),
    [
        (UTC, "Sabtu", "21 November 2026", "16.30 UTC+00:00"),
        (JAKARTA, "Sabtu", "21 November 2026", "23.30 WIB"),
        (MAKASSAR, "Minggu", "22 November 2026", "00.30 WITA"),
        (JAYAPURA, "Minggu", "22 November 2026", "01.30 WIT"),
        (ZoneInfo("Asia/Pontianak"), "Sabtu", "21 November 2026", "23.30 WIB"),
        (ZoneInfo("Asia/Kolkata"), "Sabtu", "21 November 2026", "22.00 UTC+05:30"),
        (timezone(timedelta(hours=8)), "Minggu", "22 November 2026", "00.30 UTC+08:00"),
    ],
    ids=str,
)
def test_the_day_is_that_of_the_local_date(zone, day, text, hour):
    moment = datetime(2026, 11, 21, 16, 30, tzinfo=UTC)
    assert day_name(moment, zone) == day
    assert date(moment, zone) == text
    assert clock_time(moment, zone) == hour
    assert date_and_time(moment, zone) == f"{text} pukul {hour}"
    assert zone_name(moment, zone) == hour.split()[1]


def test_the_weekday_that_a_letter_of_2023_had_wrong():
    # It said "Sabtu tanggal 24 Februari 2023".
    assert day_name(datetime(2023, 2, 24, 12, tzinfo=JAKARTA), JAKARTA) == "Jumat"


def test_every_day_and_month_has_its_name():
    start = datetime(2026, 1, 5, 12, tzinfo=MAKASSAR)
    week = [day_name(start + timedelta(days=each), MAKASSAR) for each in range(7)]
    assert week == ["Senin", "Selasa", "Rabu", "Kamis", "Jumat", "Sabtu", "Minggu"]
    months = [date(start.replace(month=each), MAKASSAR) for each in range(1, 13)]
    assert [text.split()[1][:3] for text in months] == (
        ["Jan", "Feb", "Mar", "Apr", "Mei", "Jun", "Jul", "Agu", "Sep", "Okt", "Nov", "Des"]
    )


def test_a_date_in_words():
    moment = datetime(2026, 11, 21, 23, tzinfo=UTC)
    assert date_in_words(moment, MAKASSAR) == (
        "dua puluh dua bulan November tahun dua ribu dua puluh enam"
    )


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 detik"),
        (59, "59 detik"),
        (60, "1 menit"),
        (61, "1 menit 1 detik"),
        (3599, "59 menit 59 detik"),
        (3600, "1 jam"),
        (4980, "1 jam 23 menit"),
        (4981, "1 jam 24 menit"),
        (7141, "2 jam"),
        (86_341, "1 hari"),
        (86_400, "1 hari"),
        (86_401, "1 hari 1 jam"),
        (30 * 86_400, "30 hari"),
    ],
)
def test_durations_are_never_better_than_they_were(seconds, text):
    assert duration(seconds) == text


def test_there_is_no_negative_duration():
    with pytest.raises(ValueError, match="-1"):
        duration(-1)


@pytest.mark.parametrize(
    ("size_bytes", "text"),
    [
        (0, "0 byte"),
        (1023, "1023 byte"),
        (1024, "1,0 KiB"),
        (1 << 20, "1,0 MiB"),
        (5_046_586_573, "4,7 GiB"),
        (1 << 50, "1.024,0 TiB"),
    ],
)
def test_sizes(size_bytes, text):
    assert size(size_bytes) == text


def test_thousands_are_grouped_by_points():
    assert [grouped(number) for number in (0, 999, 1000, 1_234_567)] == [
        "0", "999", "1.000", "1.234.567",
    ]  # fmt: skip

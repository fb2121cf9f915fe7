"""How Indonesian papers say numbers, days, times, sizes and durations.

Whole numbers in, text out; nothing is read from the locale of the machine.
"""

from datetime import datetime, tzinfo

DAYS = ("Senin", "Selasa", "Rabu", "Kamis", "Jumat", "Sabtu", "Minggu")
MONTHS = (
    "Januari",
    "Februari",
    "Maret",
    "April",
    "Mei",
    "Juni",
    "Juli",
    "Agustus",
    "September",
    "Oktober",
    "November",
    "Desember",
)
LARGEST_IN_WORDS = 999_999
LARGEST_ROMAN = 3999
_ZONES = ("WIB", "WITA", "WIT")
_DIGITS = ("", "satu", "dua", "tiga", "empat", "lima", "enam", "tujuh", "delapan", "sembilan")
_ROMAN = (
    (1000, "M"),
    (900, "CM"),
    (500, "D"),
    (400, "CD"),
    (100, "C"),
    (90, "XC"),
    (50, "L"),
    (40, "XL"),
    (10, "X"),
    (9, "IX"),
    (5, "V"),
    (4, "IV"),
    (1, "I"),
)
_MINUTE, _HOUR, _DAY = 60, 3600, 86_400
_UNITS = ((_DAY, "hari"), (_HOUR, "jam"), (_MINUTE, "menit"), (1, "detik"))
_SIZES = ((1 << 40, "TiB"), (1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB"))


# --- numbers ------------------------------------------------------------------------------------


def number_in_words(number: int) -> str:
    """*Terbilang*: 2026 is ``dua ribu dua puluh enam``; from 0 to 999 999, or ValueError."""
    if not 0 <= number <= LARGEST_IN_WORDS:
        raise ValueError(f"{number} is not from 0 to {LARGEST_IN_WORDS}")
    return " ".join(_words(number)) or "nol"


def _words(number: int) -> list[str]:
    """Return the words of a number; none for 0."""
    thousands, rest = divmod(number, 1000)
    if thousands:
        head = ["seribu"] if thousands == 1 else [*_words(thousands), "ribu"]
        return head + _words(rest)
    hundreds, rest = divmod(number, 100)
    if hundreds:
        head = ["seratus"] if hundreds == 1 else [_DIGITS[hundreds], "ratus"]
        return head + _words(rest)
    return _words_below_100(number)


def _words_below_100(number: int) -> list[str]:
    tens, ones = divmod(number, 10)
    if number == 10:
        return ["sepuluh"]
    if number == 11:
        return ["sebelas"]
    if tens == 1:
        return [_DIGITS[ones], "belas"]
    return ([_DIGITS[tens], "puluh"] if tens else []) + ([_DIGITS[ones]] if ones else [])


def roman(number: int) -> str:
    """Return 1 to 3999 in Roman numerals, as numbers of letters name the month; or ValueError."""
    if not 1 <= number <= LARGEST_ROMAN:
        raise ValueError(f"{number} has no Roman numeral")
    text = ""
    for value, letters in _ROMAN:
        count, number = divmod(number, value)
        text += letters * count
    return text


def grouped(number: int) -> str:
    """Return 1234567 as ``1.234.567``."""
    return f"{number:,}".replace(",", ".")


def size(size_bytes: int) -> str:
    """Return 5 046 586 573 as ``4,7 GiB``: one decimal, rounded down."""
    for unit, name in _SIZES:
        if size_bytes >= unit:
            whole, tenth = divmod(size_bytes * 10 // unit, 10)
            return f"{grouped(whole)},{tenth} {name}"
    return f"{size_bytes} byte"


# --- days and times -----------------------------------------------------------------------------


def day_name(moment: datetime, zone: tzinfo) -> str:
    """Return the weekday that it is in ``zone``; never the one of another place's date."""
    return DAYS[moment.astimezone(zone).weekday()]


def date(moment: datetime, zone: tzinfo) -> str:
    """Return ``22 November 2026``."""
    local = moment.astimezone(zone)
    return f"{local.day} {MONTHS[local.month - 1]} {local.year}"


def date_in_words(moment: datetime, zone: tzinfo) -> str:
    """Return ``dua puluh dua bulan November tahun dua ribu dua puluh enam``."""
    local = moment.astimezone(zone)
    day, year = number_in_words(local.day), number_in_words(local.year)
    return f"{day} bulan {MONTHS[local.month - 1]} tahun {year}"


def clock_time(moment: datetime, zone: tzinfo) -> str:
    """Return ``08.05 WITA``."""
    local = moment.astimezone(zone)
    return f"{local.hour:02d}.{local.minute:02d} {zone_name(moment, zone)}"


def date_and_time(moment: datetime, zone: tzinfo) -> str:
    """Return ``22 November 2026 pukul 08.05 WITA``."""
    return f"{date(moment, zone)} pukul {clock_time(moment, zone)}"


def zone_name(moment: datetime, zone: tzinfo) -> str:
    """Return WIB, WITA or WIT; for a zone elsewhere its distance from UTC, ``UTC+05:30``."""
    local = moment.astimezone(zone)
    name = local.tzname()
    return str(name) if name in _ZONES else f"UTC{local.isoformat()[-6:]}"


def duration(seconds: int) -> str:
    """Return ``1 jam 23 menit``: the two largest units, rounded up, so never better than it was.

    ValueError when it is negative.
    """
    if seconds < 0:
        raise ValueError(f"{seconds} seconds is no duration")
    step = _HOUR if seconds >= _DAY else _MINUTE if seconds >= _HOUR else 1
    rest = -(-seconds // step) * step
    parts = []
    for unit, name in _UNITS:
        count, rest = divmod(rest, unit)
        if count:
            parts.append(f"{count} {name}")
    return " ".join(parts) or "0 detik"

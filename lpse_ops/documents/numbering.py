"""Numbers of papers by the pattern of the LPSE: ``{seq:03d}/LPSE.Contoh/{ROMAN}/{YYYY}``.

The sequence starts again at 1 every year; all papers of a site draw from the same one.
"""

import re
from collections.abc import Collection
from datetime import date

from lpse_ops.documents.indonesian import roman
from lpse_ops.documents.plaintext import clean
from lpse_ops.errors import SettingsError, UsageError

LONGEST = 80
_FIELD = re.compile(r"\{([^{}]*)\}|[{}]")
_SEQUENCE = re.compile(r"seq(?::0?([1-6])d)?")
_HINT = "write a pattern such as {seq:03d}/LPSE.Contoh/{ROMAN}/{YYYY}"


def check_pattern(pattern: str) -> None:
    """Raise SettingsError unless it can number papers: with a sequence, and with the year."""
    fields = [_kind(match) for match in _FIELD.finditer(pattern)]
    for needed in ("seq", "YYYY"):
        if needed not in fields:
            raise SettingsError(f"must hold {{{needed}}}, else numbers repeat", hint=_HINT)
    if len(pattern) > LONGEST or clean(pattern) != pattern:
        raise SettingsError(f"must be one line of at most {LONGEST} plain characters", hint=_HINT)


def render_number(pattern: str, seq: int, day: date) -> str:
    """Return the number that ``pattern`` gives the paper ``seq`` of the year of ``day``."""

    def value(match: re.Match[str]) -> str:
        kind = _kind(match)
        if kind == "seq":
            found = _SEQUENCE.fullmatch(match[1])
            return f"{seq:0{int(found[1] or 1) if found else 1}d}"
        return {
            "ROMAN": roman(day.month),
            "MM": f"{day.month:02d}",
            "YYYY": f"{day.year:04d}",
        }[kind]

    return _FIELD.sub(value, pattern)


def next_number(
    pattern: str, day: date, used_sequences: Collection[int], used_numbers: Collection[str]
) -> tuple[int, str]:
    """Return sequence and number of the next paper of the year of ``day``; never one in use."""
    seq = max(used_sequences, default=0) + 1
    while (number := render_number(pattern, seq, day)) in used_numbers:
        seq += 1
    return seq, number


def check_number(number: str) -> str:
    """Return a number that a person gave, in one line; a blank one is a UsageError."""
    text = clean(number, LONGEST)
    if not any(character.isalnum() for character in text):
        raise UsageError(
            "the number of the paper is blank",
            hint="write it as --paper-number, or leave that out and set papers.number_pattern",
        )
    if text != " ".join(number.split()):
        raise UsageError(
            f"the number of the paper must be one line of at most {LONGEST} plain characters",
            hint=f"shorten it: {text}",
        )
    return text


def _kind(match: re.Match[str]) -> str:
    """Return seq, ROMAN, MM or YYYY; raises SettingsError for anything else in braces."""
    field = match[1]
    if field is not None and _SEQUENCE.fullmatch(field):
        return "seq"
    if field in ("ROMAN", "MM", "YYYY"):
        return field
    raise SettingsError(
        f"knows {{seq}}, {{seq:03d}}, {{ROMAN}}, {{MM}} and {{YYYY}}, not {match[0]!r}",
        hint=_HINT,
    )

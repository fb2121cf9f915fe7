"""The section ``papers`` of ``lpse-ops.yml``: letterhead, numbers and legal basis of papers."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from lpse_ops.documents.numbering import check_pattern
from lpse_ops.errors import SettingsError

_NIP = re.compile(r"(\d{8})(\d{6})(\d)(\d{3})")


@dataclass(frozen=True)
class LegalBasis:
    """A rule that papers cite, on days from ``since`` until ``until``, both inclusive."""

    text: str
    since: date | None = None
    until: date | None = None

    def holds_on(self, day: date) -> bool:
        return (self.since or day) <= day <= (self.until or day)


@dataclass(frozen=True)
class PapersSettings:
    """``letterhead`` are its lines from the top; empty: the name of the LPSE alone.

    ``legal_basis`` None is what all LPSE have in common; see ``paper_values``.
    """

    letterhead: tuple[str, ...] = ()
    address: str = ""
    logo: Path | None = None
    place: str = ""
    number_pattern: str | None = None
    legal_basis: tuple[LegalBasis, ...] | None = None


def read_papers(data: dict[str, Any], path: Callable[[str], Path]) -> PapersSettings:
    """Turn the checked section into values; ``path`` resolves the name of a file."""
    read: dict[str, Callable[[Any], Any]] = {
        "letterhead": tuple,
        "logo": path,
        "legal_basis": lambda items: tuple(map(_legal_basis, items)),
    }
    return PapersSettings(
        **{key: read.get(key, lambda text: text)(value) for key, value in data.items()}
    )


def _legal_basis(data: dict[str, str]) -> LegalBasis:
    days = {key: date.fromisoformat(data[key]) for key in ("since", "until") if key in data}
    return LegalBasis(data["text"], **days)


def format_nip(text: str) -> str:
    """Return the 18 digits of a NIP as papers group them, or raise SettingsError."""
    match = _NIP.fullmatch(re.sub(r"\s", "", text)) if text.isascii() else None
    if match is None:
        raise SettingsError(
            "must be a NIP of 18 digits", hint="write it in quotes, '19800101 200501 1 001'"
        )
    return " ".join(match.groups())


def check_nip(text: str) -> None:
    format_nip(text)


def check_number_pattern(text: str) -> None:
    check_pattern(text)


def check_date(text: str) -> None:
    try:
        date.fromisoformat(text)
    except ValueError as error:
        raise SettingsError(f"must be a date, not {text!r}", hint="write 2026-11-22") from error

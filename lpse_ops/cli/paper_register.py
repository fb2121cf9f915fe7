"""Numbers of papers, as the ledger has them: one paper a report, one report a number."""

import contextlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from lpse_ops.cli.state_lock import wait_for_turn
from lpse_ops.documents.numbering import check_number, next_number
from lpse_ops.errors import UsageError

KIND = "paper"
_LOCK = "papers.lock"


@dataclass(frozen=True)
class Issued:
    """A paper in the ledger; ``sequence`` is None where a person gave the number."""

    paper: str
    number: str
    sequence: int | None
    year: int
    report_sha256: str
    paper_format: str
    sha256: str

    def facts(self) -> dict[str, Any]:
        return dict(vars(self))


def read_issued(facts: Iterable[Mapping[str, Any]]) -> list[Issued]:
    """Turn the facts of the ledger's records into values, oldest first."""
    return [_issued(each) for each in facts]


def _issued(facts: Mapping[str, Any]) -> Issued:
    def text(name: str) -> str:
        return str(facts.get(name, ""))

    sequence, year = facts.get("sequence"), facts.get("year")
    return Issued(
        paper=text("paper"),
        number=text("number"),
        sequence=sequence if isinstance(sequence, int) else None,
        year=year if isinstance(year, int) else 0,
        report_sha256=text("report_sha256"),
        paper_format=text("paper_format"),
        sha256=text("sha256"),
    )


def choose_number(
    given: str | None,
    pattern: str | None,
    day: date,
    report_sha256: str,
    issued: Sequence[Issued],
) -> tuple[int | None, str]:
    """Return sequence and number of the paper over a report.

    A report keeps the number it has, unless a person gives another one; a number that another
    report has is a UsageError, and so is no number at all.
    """
    taken = {each.number for each in issued if each.report_sha256 != report_sha256}
    if given is not None:
        number = check_number(given)
        if number in taken:
            raise UsageError(
                f"the number {number} is that of another paper",
                hint="see `lpse-ops log show --kind paper`, or leave --paper-number out",
            )
        return None, number
    own = [each for each in issued if each.report_sha256 == report_sha256]
    if own:
        return own[-1].sequence, own[-1].number
    require_number(given, pattern)
    sequences = [each.sequence for each in issued if each.year == day.year and each.sequence]
    return next_number(str(pattern), day, sequences, taken)


def require_number(given: str | None, pattern: str | None) -> None:
    """Raise UsageError when there is neither a number nor a way to make one."""
    if given is not None:
        check_number(given)
    elif pattern is None:
        raise UsageError(
            "the paper has no number",
            hint="give one as --paper-number, or set papers.number_pattern in lpse-ops.yml, "
            "e.g. '{seq:03d}/LPSE.Contoh/{ROMAN}/{YYYY}'",
        )


def register_lock(state_folder: Path) -> contextlib.AbstractContextManager[None]:
    """Keep others from taking a number until the block ends."""
    return wait_for_turn(state_folder, _LOCK)

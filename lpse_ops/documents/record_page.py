"""A page of a register, such as *Catatan Perubahan*: what stands in it, clean and bounded.

It has sections of facts, each with at most one table, and lines of what programs said.  It may
take several sheets.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, tzinfo

from lpse_ops.documents.paper_parts import (
    LONGEST_COMMAND,
    LONGEST_NAME,
    NONE,
    Fact,
    SignatureRow,
    checkpoint_fact,
    checkpoint_line,
    letterhead_lines,
    place_and_date,
    signature_rows,
)
from lpse_ops.documents.plaintext import clean
from lpse_ops.documents.values import LedgerMark, Letterhead, Signatory

MOST_SECTIONS = 12
MOST_FACTS = 30
MOST_ROWS = 64
MOST_NOTES = 12
MOST_RECORDS = 8
_LONGEST_FACT = 600
_LONGEST_CELL = 120
_LONGEST_NOTE = 200


@dataclass(frozen=True)
class Row:
    """A row of a table, or its header."""

    first: str
    second: str
    third: str
    fourth: str
    fifth: str


@dataclass(frozen=True)
class Section:
    """``notes`` are lines of programs; ``header`` None where there is no table."""

    heading: str
    facts: tuple[Fact, ...] = ()
    header: Row | None = None
    rows: tuple[Row, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class LedgerLine:
    """A line of the ledger that the page is made of; its SHA-256 in hex."""

    seq: int
    sha256: str


@dataclass(frozen=True)
class RecordPage:
    """``moment`` is the last thing that the page tells of, and gives its date; aware.

    ``signatories`` come with the words above each of them.
    """

    title: str
    number: str
    site: str
    place: str
    zone: tzinfo
    letterhead: Letterhead
    moment: datetime
    sections: tuple[Section, ...]
    lines: tuple[LedgerLine, ...]
    ledger: LedgerMark
    signatories: tuple[tuple[str, Signatory], ...] = ()
    verify: tuple[str, ...] = ()


@dataclass(frozen=True)
class RecordPageText:
    """Every text of the page, by the name that templates use."""

    letterhead: tuple[str, ...]
    address: str
    site: str
    title: str
    number: str
    sections: tuple[Section, ...]
    place_and_date: str
    signatures: tuple[SignatureRow, ...]
    fingerprints: tuple[Fact, ...]
    verify: tuple[str, ...]
    qr_note: str


def compose(page: RecordPage) -> RecordPageText:
    """Turn values into the text of the page."""
    return RecordPageText(
        letterhead=letterhead_lines(page.letterhead),
        address=clean(page.letterhead.address, 160),
        site=clean(page.site, LONGEST_NAME),
        title=clean(page.title, LONGEST_NAME),
        number=clean(page.number, LONGEST_NAME),
        sections=tuple(map(_section, page.sections[:MOST_SECTIONS])),
        place_and_date=place_and_date(page.place, page.moment, page.zone),
        signatures=tuple(signature_rows(page.signatories)),
        fingerprints=tuple(_fingerprints(page)),
        verify=tuple(clean(line, LONGEST_COMMAND) for line in page.verify[:3]),
        qr_note="Kode QR memuat checkpoint dan sidik jari catatan terakhir.",
    )


def qr_content(page: RecordPage) -> str:
    """Return what the QR code says; `log verify --checkpoint` reads it."""
    return f"{checkpoint_line(page.ledger)}\nsha256:{clean(page.lines[-1].sha256, 64)}"


def _section(section: Section) -> Section:
    return Section(
        clean(section.heading, LONGEST_NAME),
        tuple(_fact(fact) for fact in section.facts[:MOST_FACTS]),
        None if section.header is None else _row(section.header),
        tuple(map(_row, section.rows[:MOST_ROWS])),
        tuple(clean(note, _LONGEST_NOTE) for note in section.notes[-MOST_NOTES:]),
    )


def _fact(fact: Fact) -> Fact:
    return Fact(clean(fact.label, 60), clean(fact.text, _LONGEST_FACT) or NONE)


def _row(row: Row) -> Row:
    return Row(*(clean(cell, _LONGEST_CELL) for cell in vars(row).values()))


def _fingerprints(page: RecordPage) -> Iterator[Fact]:
    for line in page.lines[-MOST_RECORDS:]:
        yield Fact(f"Catatan ledger ke-{line.seq} (SHA-256)", clean(line.sha256, 64))
    yield checkpoint_fact(page.ledger)

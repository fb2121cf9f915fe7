"""What all papers have: facts, signatures, place and date, and the fingerprint of the ledger."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo

from lpse_ops.documents.indonesian import date
from lpse_ops.documents.plaintext import clean
from lpse_ops.documents.values import LedgerMark, Letterhead, Signatory

LONGEST_NAME = 80
LONGEST_COMMAND = 240
MOST_SIGNATORIES = 4
NONE = "–"


@dataclass(frozen=True)
class Fact:
    label: str
    text: str


@dataclass(frozen=True)
class SignatureBlock:
    heading: str = ""
    role: str = ""
    name: str = ""
    nip: str = ""


@dataclass(frozen=True)
class SignatureRow:
    left: SignatureBlock
    right: SignatureBlock


def letterhead_lines(letterhead: Letterhead) -> tuple[str, ...]:
    return tuple(clean(line, LONGEST_NAME) for line in letterhead.lines[:5])


def place_and_date(place: str, moment: datetime, zone: tzinfo) -> str:
    day = date(moment, zone)
    town = clean(place, LONGEST_NAME)
    return f"{town}, {day}" if town else day


def signature_rows(signatories: Sequence[tuple[str, Signatory]]) -> Iterator[SignatureRow]:
    """Return the signatures two by two, each under its heading."""
    blocks = [_signature(*each) for each in signatories[:MOST_SIGNATORIES]]
    for left in range(0, len(blocks), 2):
        right = blocks[left + 1] if left + 1 < len(blocks) else SignatureBlock()
        yield SignatureRow(blocks[left], right)


def checkpoint_line(ledger: LedgerMark) -> str:
    """Return the line that can be read aloud and typed, as `log checkpoint` prints it."""
    root = clean(ledger.root, 64)
    groups = " ".join(root[start : start + 8] for start in range(0, len(root), 8))
    return f"{clean(ledger.origin, 64)} {ledger.size} {groups}"


def checkpoint_fact(ledger: LedgerMark) -> Fact:
    origin = clean(ledger.origin, 64)
    label = f"Checkpoint ledger {origin}, meliputi catatan ke-{ledger.record}"
    return Fact(label, checkpoint_line(ledger))


def _signature(heading: str, person: Signatory) -> SignatureBlock:
    return SignatureBlock(
        clean(heading, LONGEST_NAME),
        clean(person.role, LONGEST_NAME),
        clean(person.name, LONGEST_NAME),
        f"NIP {clean(person.nip, 30) if person.nip else '.' * 30}",
    )

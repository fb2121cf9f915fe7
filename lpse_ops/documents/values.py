"""What a paper is made of: plain text, whole numbers and times, and nothing that asks for them.

Text may hold anything; ``plaintext.clean`` makes it harmless before a template sees it.
"""

from dataclasses import dataclass, field
from datetime import datetime, tzinfo


@dataclass(frozen=True)
class Letterhead:
    """*Kop surat*: the lines from the government down to the LPSE, then address and contact.

    ``logo`` is the content of a PNG file.
    """

    lines: tuple[str, ...]
    address: str = ""
    logo: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True)
class Signatory:
    """Who signs; without ``nip`` the paper leaves a line for it."""

    name: str
    role: str
    nip: str | None = None


@dataclass(frozen=True)
class LedgerMark:
    """Where the ledger of ``origin`` holds the fingerprint of the report.

    ``record`` is the number of the line; the signed checkpoint after ``size`` lines, whose Merkle
    root is ``root`` (hex), covers it.
    """

    origin: str
    record: int
    size: int
    root: str


@dataclass(frozen=True)
class DatabaseResult:
    """One restored database beside the manifest of its dump.

    ``rows_expected`` is None where the manifest holds no counts.  ``tables_differing`` are those
    that lack, are too many, or hold another number of rows: sums alone could agree by chance.
    """

    name: str
    tables_found: int
    rows_found: int
    tables_expected: int | None = None
    rows_expected: int | None = None
    tables_differing: int = 0


@dataclass(frozen=True)
class DocumentsResult:
    """The restored files beside the trees of the snapshot.

    ``named`` are the documents that the database names, None when it was not asked; ``missing``
    of them are not there or of another size.  ``sample`` files were compared by hash.
    """

    files_expected: int
    files_found: int
    bytes_found: int
    named: int | None = None
    missing: int = 0
    sample: int = 0
    sample_wrong: int = 0


@dataclass(frozen=True)
class RestoreMinutes:
    """*Berita Acara Uji Restore*: all that stands in it.  All times are aware.

    ``zone`` is the zone of the LPSE: day, date and hours are said in it.  ``finished`` is the day
    of the paper.  ``destination`` is the name in the settings, ``medium`` what it is to a reader
    ("disk portabel DISK-A"), ``kept_at`` where it lies.  ``rpo_seconds`` is the age of the newest
    data that came back, at ``started``; None when nothing tells it.  ``place`` is the town of
    the signatures.  ``unproved`` are databases that should have come back, and of which it was
    not seen that they did.  ``verify`` are command lines that a stranger may type, one line each.
    """

    number: str
    site: str
    place: str
    zone: tzinfo
    letterhead: Letterhead
    started: datetime
    finished: datetime
    destination: str
    medium: str
    repository_id: str
    snapshot: str
    snapshot_time: datetime
    passed: bool
    rto_seconds: int
    carried_out_by: tuple[Signatory, ...]
    report_sha256: str
    ledger: LedgerMark
    kept_at: str | None = None
    databases: tuple[DatabaseResult, ...] = ()
    documents: DocumentsResult | None = None
    rpo_seconds: int | None = None
    newest_row: datetime | None = None
    problems: tuple[str, ...] = ()
    unproved: tuple[str, ...] = ()
    witnessed_by: tuple[Signatory, ...] = ()
    legal_basis: tuple[str, ...] = ()
    verify: tuple[str, ...] = ()

"""A document tree as an SPSE fills it, made up from a seed: for the demo, tests and benchmarks.

Bid files (``.rhs``) are encrypted and PDF streams compressed, so nearly every byte is random.  The
same plan names the rows of ``dok_penawaran``, see ``sample.py``.
"""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

MEGABYTE = 1_000_000
_FIRST_DAY = datetime(2023, 1, 9, 1, tzinfo=UTC)
_TITLES = (
    "Surat Penawaran",
    "Rencana Anggaran Biaya",
    "Metode Pelaksanaan",
    "Jadwal Pelaksanaan",
    "Jaminan Penawaran",
    "Dokumen Kualifikasi",
    "Spesifikasi Teknis",
)


@dataclass(frozen=True)
class Document:
    """``path`` is relative to the tree; a new ``version`` is a new content of ``size_bytes``."""

    id: int
    path: str
    title: str
    size_bytes: int
    modified: datetime
    version: int = 1


@dataclass(frozen=True)
class Changes:
    """What happened between two backups; ``changed`` holds the new state."""

    added: tuple[Document, ...]
    changed: tuple[Document, ...]
    deleted: tuple[Document, ...]


def plan_documents(megabytes: int, seed: int) -> list[Document]:
    """Plan files that together have exactly the size."""
    random = Random(f"documents {seed}")  # noqa: S311
    left = megabytes * MEGABYTE
    largest = max(left // 20, 4096)
    documents: list[Document] = []
    while left:
        document = _plan_document(random, len(documents) + 1, largest)
        if left - document.size_bytes < 4096:
            document = replace(document, size_bytes=left)
        documents.append(document)
        left -= document.size_bytes
    return documents


def plan_changes(documents: Sequence[Document], seed: int) -> Changes:
    """Add about 1 %, change about 1 %, delete one: at least one of each."""
    random = Random(f"changes {seed}")  # noqa: S311
    share = max(len(documents) // 100, 1)
    touched = random.sample(documents, min(share + 1, len(documents)))
    next_id = max((document.id for document in documents), default=0) + 1
    largest = max((document.size_bytes for document in documents), default=4096)
    added = [_plan_document(random, next_id + n, largest) for n in range(share)]
    return Changes(
        added=tuple(added),
        changed=tuple(_plan_change(random, document) for document in touched[1:]),
        deleted=tuple(touched[:1]),
    )


def apply_changes(documents: Sequence[Document], changes: Changes) -> list[Document]:
    """Return the plan of the tree after the changes."""
    current = {document.id: document for document in documents}
    current |= {document.id: document for document in (*changes.added, *changes.changed)}
    for document in changes.deleted:
        del current[document.id]
    return list(current.values())


def write_documents(root: Path, megabytes: int, seed: int) -> list[Document]:
    """Write the planned tree below ``root`` and return its plan."""
    documents = plan_documents(megabytes, seed)
    for document in documents:
        _write_document(root, document, seed)
    return documents


def change_documents(root: Path, documents: Sequence[Document], seed: int) -> Changes:
    """Carry out ``plan_changes`` on a tree that ``write_documents`` wrote, and return it."""
    changes = plan_changes(documents, seed)
    for document in (*changes.added, *changes.changed):
        _write_document(root, document, seed)
    for document in changes.deleted:
        (root / document.path).unlink()
    return changes


def _plan_document(random: Random, number: int, largest: int) -> Document:
    # Most bid files are small, a few large: a log-normal size with a median of 300 kB.
    size = min(max(int(random.lognormvariate(12.6, 1.2)), 2048), largest)
    modified = _FIRST_DAY + timedelta(minutes=random.randrange(3 * 365 * 24 * 60))
    tender = 1_000_000 + number // 12
    suffix = random.choice(("rhs", "rhs", "pdf"))
    folder = f"file_prod/dok_penawaran/{modified:%Y/%m}/{tender}"
    path = f"{folder}/{number:07d}-{random.getrandbits(32):08x}.{suffix}"
    return Document(number, path, random.choice(_TITLES), size, modified)


def _plan_change(random: Random, document: Document) -> Document:
    return replace(
        document,
        size_bytes=document.size_bytes + random.randrange(4096),
        modified=document.modified + timedelta(days=random.randrange(1, 30)),
        version=document.version + 1,
    )


def _write_document(root: Path, document: Document, seed: int) -> None:
    path = root / document.path
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(document_content(document, seed))
    at = document.modified.timestamp()
    os.utime(path, (at, at))


def document_content(document: Document, seed: int) -> bytes:
    """Return exactly ``size_bytes`` bytes, the same ones for the same document and seed."""
    random = Random(f"content {seed} {document.id} {document.version}")  # noqa: S311
    if document.path.endswith(".pdf"):
        return _pdf(document, random)
    return random.randbytes(document.size_bytes)


def _pdf(document: Document, random: Random) -> bytes:
    """A PDF of one page; a stream of random bytes, as of a scan, fills it up to the size."""
    text = f"BT /F1 18 Tf 72 720 Td ({document.title} {document.id}) Tj ET".encode("ascii")
    empty = b"".join(_pdf_parts(text, b""))
    # The stream's length and the offset of the table behind it need more digits than the empty's.
    room = document.size_bytes - len(empty) - 2 * len(str(document.size_bytes))
    scan = random.randbytes(max(room, 0))
    content = b"".join(_pdf_parts(text, scan))
    # Readers look for the end in the last kilobyte; spaces behind it do not matter.
    return content + b" " * (document.size_bytes - len(content))


def _pdf_parts(text: bytes, scan: bytes) -> Iterator[bytes]:
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R"
        b" /Resources << /Font << /F1 << /Type /Font /Subtype /Type1 /BaseFont /Helvetica >> >> >>"
        b" >>",
        _pdf_stream(text),
        _pdf_stream(scan),
    ]
    head = b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n"
    yield head
    offset, offsets = len(head), []
    for number, body in enumerate(objects, start=1):
        piece = b"%d 0 obj\n%s\nendobj\n" % (number, body)
        offsets.append(offset)
        offset += len(piece)
        yield piece
    size = len(objects) + 1
    yield b"xref\n0 %d\n0000000000 65535 f \n" % size
    yield b"".join(b"%010d 00000 n \n" % one for one in offsets)
    yield b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (size, offset)


def _pdf_stream(content: bytes) -> bytes:
    return b"<< /Length %d >>\nstream\n%s\nendstream" % (len(content), content)

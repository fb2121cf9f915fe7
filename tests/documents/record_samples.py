"""A page of a register, as values."""

from dataclasses import replace
from datetime import datetime

from lpse_ops.documents.paper_parts import Fact
from lpse_ops.documents.record_page import LedgerLine, RecordPage, Row, Section
from lpse_ops.documents.values import LedgerMark, Letterhead, Signatory
from tests.documents.samples import ROOT, WITA, png

LINES = (LedgerLine(11, "ab12cd34" * 8), LedgerLine(12, "12ab34cd" * 8))
PAGE = RecordPage(
    title="CATATAN PERUBAHAN",
    number="2026-0001",
    site="LPSE Kabupaten Contoh",
    place="Contoh",
    zone=WITA,
    letterhead=Letterhead(
        ("PEMERINTAH KABUPATEN CONTOH", "LPSE KABUPATEN CONTOH"), "Jalan Contoh Nomor 1"
    ),
    # Saturday in UTC, Sunday in Makassar.
    moment=datetime.fromisoformat("2026-11-21T17:33:20+00:00"),
    sections=(
        Section(
            "Permohonan perubahan",
            (Fact("Pemohon", "Sari Contoh, S.H."), Fact("Dampak", ""), Fact("Jenis", "Upgrade")),
        ),
        Section(
            "Pelaksanaan ke-1",
            (Fact("Hasil", "berhasil"),),
            Row("No", "Langkah", "Mulai", "Lama", "Hasil"),
            (
                Row("1", "stop the application", "14.00.01", "8 detik", "ok"),
                Row("2", "migration", "14.01.00", "2 menit", "GAGAL (1)"),
            ),
            ("ERROR: column x is missing", "migration stopped"),
        ),
        Section("Catatan", notes=("akhir",)),
    ),
    lines=LINES,
    ledger=LedgerMark("lpse-contoh", 12, 15, ROOT),
    signatories=(("Petugas,", Signatory("Budi Contoh, S.Kom.", "Pengelola Sistem")),),
    verify=("sed -n 12p ledger.jsonl | sha256sum",),
)
LONG = replace(
    PAGE,
    letterhead=replace(PAGE.letterhead, logo=png(40, 60)),
    sections=PAGE.sections * 6,
    signatories=(),
)
SENTENCES = (
    "PEMERINTAH KABUPATEN CONTOH",
    "Jalan Contoh Nomor 1",
    "CATATAN PERUBAHAN",
    "Nomor: 2026-0001",
    "Permohonan perubahan",
    "Pemohon",
    "Sari Contoh, S.H.",
    "Pelaksanaan ke-1",
    "Langkah",
    "stop the application",
    "GAGAL (1)",
    "ERROR: column x is missing",
    "Contoh, 22 November 2026",
    "Petugas,",
    "Budi Contoh, S.Kom.",
    "Catatan ledger ke-12 (SHA-256)",
    LINES[1].sha256,
    "lpse-contoh 15 01234567 89abcdef",
    "sed -n 12p ledger.jsonl | sha256sum",
)

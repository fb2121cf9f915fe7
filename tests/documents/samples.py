"""A drill that went well, as the values of its paper."""

import struct
import zlib
from datetime import datetime
from zoneinfo import ZoneInfo

from lpse_ops.documents.values import (
    DatabaseResult,
    DocumentsResult,
    LedgerMark,
    Letterhead,
    RestoreMinutes,
    Signatory,
)

WITA = ZoneInfo("Asia/Makassar")
REPORT = "ab12cd34" * 8
ROOT = "0123456789abcdef" * 4
# 22 November 2026 is a Sunday in Makassar while it is Saturday in UTC.
MINUTES = RestoreMinutes(
    number="007/LPSE.Contoh/XI/2026",
    site="LPSE Kabupaten Contoh",
    place="Contoh",
    zone=WITA,
    letterhead=Letterhead(
        ("PEMERINTAH KABUPATEN CONTOH", "SEKRETARIAT DAERAH", "LPSE KABUPATEN CONTOH"),
        "Jalan Contoh Nomor 1, Contoh 91900",
    ),
    started=datetime.fromisoformat("2026-11-21T16:10:00+00:00"),
    finished=datetime.fromisoformat("2026-11-21T17:33:20+00:00"),
    destination="disk-a",
    medium="disk portabel Disk A (merah)",
    kept_at="Brankas Setda",
    repository_id="4f0c" * 16,
    snapshot="1a2b" * 16,
    snapshot_time=datetime.fromisoformat("2026-11-21T07:05:00+00:00"),
    passed=True,
    databases=(DatabaseResult("epns_prod", 212, 1_234_567, 212, 1_234_567),),
    documents=DocumentsResult(5120, 5120, 5_046_586_573, named=4890, sample=50),
    rto_seconds=4980,
    rpo_seconds=32_700,
    newest_row=datetime.fromisoformat("2026-11-21T07:04:00+00:00"),
    carried_out_by=(Signatory("Budi Contoh, S.Kom.", "Pengelola Sistem", "19800101 200501 1 001"),),
    witnessed_by=(Signatory("Sari Contoh, S.H.", "Kepala LPSE"),),
    legal_basis=("Peraturan Contoh Nomor 1 Tahun 2010 Pasal 27",),
    report_sha256=REPORT,
    ledger=LedgerMark("lpse-contoh", 12, 15, ROOT),
    verify=("sha256sum laporan.json", "lpse-ops log verify"),
)
# What must be found in every format of the paper.
SENTENCES = (
    "PEMERINTAH KABUPATEN CONTOH",
    "BERITA ACARA UJI RESTORE",
    "Nomor: 007/LPSE.Contoh/XI/2026",
    "Pada hari ini Minggu tanggal dua puluh dua bulan November tahun dua ribu dua puluh enam "
    "(22-11-2026) pukul 01.33 WITA, kami yang bertanda tangan di bawah ini telah melaksanakan "
    "dan menyaksikan uji restore atas cadangan (backup) data SPSE pada LPSE Kabupaten Contoh "
    "dengan keterangan dan hasil sebagai berikut.",
    "disk-a, disk portabel Disk A (merah)",
    "Brankas Setda",
    "4f0c4f0c4f dan 1a2b1a2b1a",
    "21 November 2026 pukul 15.05 WITA",
    "22 November 2026 pukul 00.10 WITA sampai dengan 01.33 WITA",
    "1.234.567",
    "4,7 GiB",
    "1 jam 23 menit",
    "9 jam 5 menit",
    "Tidak ada temuan.",
    "uji restore dinyatakan BERHASIL: cadangan terbukti dapat dipulihkan.",
    "Dasar: Peraturan Contoh Nomor 1 Tahun 2010 Pasal 27.",
    "Contoh, 22 November 2026",
    "Yang melaksanakan,",
    "Budi Contoh, S.Kom.",
    "NIP 19800101 200501 1 001",
    "Yang menyaksikan,",
    "Kepala LPSE",
    REPORT,
    "lpse-contoh 15 01234567 89abcdef",
    "sha256sum laporan.json",
)
HOSTILE = {
    "typst": '#panic("x") *bold* _x_ $x^2$ `raw` @ref <label> = head // no',
    "jinja": "{{ 7 * 191 }} {% for x in y %} {# gone #} {_{ a }_}",
    "xml": "</w:t></w:r><script>alert('x')</script> & <b>\" ]]>",
    "long": "a" * 10_000,
    "longer": "kata " * 10_000,
    "right to left": "\N{RIGHT-TO-LEFT OVERRIDE}\N{HEBREW LETTER ALEF}\N{ARABIC LETTER ALEF}",
    "other scripts": "漢字 \N{PILE OF POO} ꦲ",
    "control": "a\x00b\x07c\x0cd\x1b[31m\ne\tf",
    "halves": "a\ud800b\udfff",
    "piled": "e" + "\N{COMBINING ACUTE ACCENT}" * 500,
    "empty": "",
}


def png(width: int, height: int) -> bytes:
    """A grey picture."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        body = kind + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    rows = zlib.compress((b"\0" + b"\x80" * width) * height)
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    parts = [chunk(b"IHDR", header), chunk(b"IDAT", rows), chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)

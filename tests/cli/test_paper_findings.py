import re
from pathlib import Path

import pytest

import lpse_ops
from lpse_ops.cli.paper_findings import describe_finding


@pytest.mark.parametrize(
    ("finding", "said"),
    [
        (
            ("rows", "table public.paket of epns", "5 rows", "no such table"),
            "Jumlah baris: tabel public.paket dari epns, seharusnya 5 baris, "
            "ditemukan tidak ada tabel itu",
        ),
        (
            ("globals", "/lpse-ops/databases/globals.sql", "roles that can be restored", "x"),
            "Peran basis data: /lpse-ops/databases/globals.sql, seharusnya peran yang dapat "
            "dipulihkan, ditemukan x",
        ),
        (
            ("snapshots", "the snapshots of the destination", "x", "none; 0123abcd was taken"),
            "Snapshot: snapshot pada tujuan ini, seharusnya x, ditemukan tidak ada; yang diuji "
            "0123abcd",
        ),
        (
            ("age", "the snapshot", "x", "dated 2030"),
            "Usia data: snapshot, seharusnya x, ditemukan bertanggal 2030",
        ),
        (
            (
                *("age", "the snapshot", "at most 1 d 6 h old"),
                "1301 d 5 h old, of 2023-05-01T10:00:00+08:00",
            ),
            "Usia data: snapshot, seharusnya paling lama 1 hari 6 jam, ditemukan berusia 1301 hari "
            "5 jam, yaitu 1 Mei 2023 pukul 10.00 WITA",
        ),
        (
            ("age", "the snapshot", "x", "dated 9999-99-99T10:00:00+08:00"),
            "Usia data: snapshot, seharusnya x, ditemukan bertanggal 9999-99-99T10:00:00+08:00",
        ),
        (
            ("age", "the snapshot", "x", "dated 2030-01-01T10:00:00+05:30"),
            "Usia data: snapshot, seharusnya x, ditemukan bertanggal 1 Januari 2030 pukul 10.00 "
            "UTC+05:30",
        ),
        (
            (
                *("time", "the drill", "to end within 12 h (backup.drill.time_limit)"),
                "still asking database epns",
            ),
            "Waktu: uji restore, seharusnya selesai dalam 12 jam (backup.drill.time_limit), "
            "ditemukan masih memeriksa basis data epns",
        ),
        (
            (
                *("age", "backup.drill.newest_query", "the time of a row"),
                "q failed: no answer within 4320 seconds",
            ),
            "Usia data: backup.drill.newest_query, seharusnya waktu suatu baris, ditemukan tidak "
            "ada jawaban dalam 4320 detik",
        ),
        (
            ("documents", "document dok/1.rhs", "a file of 5 bytes", "none in the snapshot"),
            "Dokumen: dokumen dok/1.rhs, seharusnya berkas 5 byte, ditemukan tidak ada dalam "
            "snapshot",
        ),
        (
            (
                *("database", "database epns", "pg_restore without errors"),
                "blob 294557b4b4 in pack bb097fd192 is damaged: its MAC does not match",
            ),
            "Basis data: basis data epns, seharusnya pg_restore tanpa kesalahan, ditemukan blob "
            "294557b4b4 dalam pack bb097fd192 rusak: MAC tidak cocok",
        ),
        (
            (
                *("restore", "the restore", "x"),
                "index 84ace61b24 is damaged: its content does not match its name",
            ),
            "Pemulihan: pemulihan, seharusnya x, ditemukan index 84ace61b24 rusak: isinya tidak "
            "cocok dengan namanya",
        ),
        (
            ("restore", "the restore", "x", "tree blob bcf9f1fdaa is in no pack of the repository"),
            "Pemulihan: pemulihan, seharusnya x, ditemukan blob bcf9f1fdaa tidak ada dalam pack "
            "mana pun",
        ),
        (
            ("files", "/a", "x", f"data/bb/bb097fd192{'0' * 54} is not in the repository"),
            "Berkas: /a, seharusnya x, ditemukan pack bb097fd192 tidak ada dalam repositori",
        ),
    ],
)
def test_findings_in_indonesian(finding, said):
    names = ("check", "what", "expected", "found")
    assert describe_finding(dict(zip(names, finding, strict=True))) == said


def test_every_fixed_text_of_a_drill_has_its_words():
    folder = Path(lpse_ops.__file__).parent
    sources = [*folder.glob("backup/drill*.py"), *folder.glob("cli/*drill*.py")]
    call = re.compile(r"(?:Finding|_finding|_find)\(([^()]*(?:\([^()]*\)[^()]*)*)\)")
    texts = {
        text
        for source in sources
        for arguments in call.findall(source.read_text())
        for text in re.findall(r'(?<![f\w])"([a-z][a-z_,]* [a-z_, ]*)"', arguments)
    }
    assert len(texts) > 15
    left = [text for text in sorted(texts) if f" {text}" in describe_finding({"what": text})]
    assert left == []

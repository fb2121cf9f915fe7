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

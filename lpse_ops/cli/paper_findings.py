"""What a drill found, in Indonesian: the words that are ours; names and messages stay."""

import re
from collections.abc import Mapping
from typing import Any

_KINDS = {
    "age": "Usia data",
    "database": "Basis data",
    "documents": "Dokumen",
    "files": "Berkas",
    "globals": "Peran basis data",
    "manifest": "Manifes",
    "restore": "Pemulihan",
    "rows": "Jumlah baris",
    "sample": "Isi berkas contoh",
    "snapshots": "Snapshot",
}
_PHRASES = {
    "a file": "berkas",
    "all readable": "semuanya terbaca",
    "all together": "seluruhnya",
    "a readable file": "berkas yang terbaca",
    "could not be read when it was taken": "tidak terbaca pada waktu snapshot dibuat",
    "dated before it was looked at": "bertanggal sebelum diperiksa",
    "documents": "daftar dokumen",
    "documents that the database names": "dokumen yang disebut basis data",
    "in the snapshot": "ada dalam snapshot",
    "its dump": "ada dump-nya",
    "no such table": "tidak ada tabel itu",
    "none": "tidak ada",
    "not so": "tidak ada",
    "nothing": "tidak ada",
    "one at least": "paling sedikit satu",
    "one of the configured backup": "snapshot dari cadangan menurut pengaturan",
    "one table at least": "paling sedikit satu tabel",
    "one that cannot be read, see above": "ada yang tidak terbaca",
    "other bytes or none": "isi lain atau tidak ada",
    "other bytes, with equal size and time": "isi lain dengan ukuran dan waktu yang sama",
    "pg_restore without errors": "pg_restore tanpa kesalahan",
    "restored as it was stored": "pulih seperti tersimpan",
    "roles that can be restored": "peran yang dapat dipulihkan",
    "tables that can be counted": "tabel yang dapat dihitung",
    "the bytes of the source": "isi berkas sumber",
    "the bytes that were stored": "isi seperti tersimpan",
    "the databases": "semua basis data",
    "the dump that the manifest lists": "dump yang tercantum dalam manifes",
    "the newest row when the snapshot was taken": "baris terbaru pada waktu snapshot",
    "the newest snapshots of the destination": "snapshot terbaru pada tujuan ini",
    "the restore": "pemulihan",
    "the roles that the manifest lists": "peran yang tercantum dalam manifes",
    "the snapshot": "snapshot",
    "the snapshots of the destination": "snapshot pada tujuan ini",
    "the time of a row": "waktu suatu baris",
    "to be restored and asked": "dipulihkan dan dapat ditanyai",
    "to go on to its end": "berjalan sampai selesai",
    "what the repository holds": "isi menurut repositori",
}
_PATTERNS = (
    (re.compile(r"table (.+) of (.+)", re.DOTALL), r"tabel \1 dari \2"),
    (re.compile(r"database (.+)", re.DOTALL), r"basis data \1"),
    (re.compile(r"(\d+) rows"), r"\1 baris"),
    (re.compile(r"(\d+) bytes"), r"\1 bita"),
    (re.compile(r"(\d+) large objects"), r"\1 objek besar"),
    (re.compile(r"dated (.+)"), r"bertanggal \1"),
    (re.compile(r"none; ([0-9a-f]{8}) was taken"), r"tidak ada; yang diuji \1"),
    (re.compile(r"a file of (\d+) bytes"), r"berkas \1 bita"),
    (re.compile(r"at most (.+) old"), r"paling lama \1"),
    (re.compile(r"(.+) old, of (.+)"), r"berusia \1, yaitu \2"),
    (re.compile(r"(\d+) more like these"), r"\1 lagi yang serupa"),
    (re.compile(r"(\d+) more documents"), r"\1 dokumen lagi"),
)


def describe_finding(finding: Mapping[str, Any]) -> str:
    """Return ``Jumlah baris: tabel x dari y, seharusnya 5 baris, ditemukan 4 baris``."""
    what, expected, found = (
        _translated(str(finding.get(name, ""))) for name in ("what", "expected", "found")
    )
    kind = _KINDS.get(str(finding.get("check")), "Temuan")
    return f"{kind}: {what}, seharusnya {expected}, ditemukan {found}"


def _translated(text: str) -> str:
    if text in _PHRASES:
        return _PHRASES[text]
    for pattern, words in _PATTERNS:
        if match := pattern.fullmatch(text):
            return match.expand(words)
    return text

"""What a drill found, in Indonesian: the words that are ours; names and messages stay."""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from lpse_ops.clock import ZONE_ALIASES, parse_zone
from lpse_ops.documents.indonesian import date_and_time

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
    "time": "Waktu",
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
    "none in the snapshot": "tidak ada dalam snapshot",
    "no dump at all": "tidak ada dump sama sekali",
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
    "still reading the snapshot": "masih membaca snapshot",
    "still restoring databases": "masih memulihkan basis data",
    "still restoring files": "masih memulihkan berkas",
    "the databases": "semua basis data",
    "the drill": "uji restore",
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
    (re.compile(r"document (.+)", re.DOTALL), r"dokumen \1"),
    (re.compile(r"still restoring database (.+)", re.DOTALL), r"masih memulihkan basis data \1"),
    (re.compile(r"still asking database (.+)", re.DOTALL), r"masih memeriksa basis data \1"),
    (re.compile(r".+ failed: no answer within (.+) seconds"), r"tidak ada jawaban dalam \1 detik"),
    (re.compile(r"to end within (.+) \((.+)\)"), r"selesai dalam \1 (\2)"),
    (
        re.compile(r"blob (\w+) in pack (\w+) is damaged: its MAC does not match"),
        r"blob \1 dalam pack \2 rusak: MAC tidak cocok",
    ),
    (
        re.compile(r"(\w+) (\w+) is damaged: its content does not match its name"),
        r"\1 \2 rusak: isinya tidak cocok dengan namanya",
    ),
    (
        re.compile(r"(?:\w+ )?blob (\w+)(?: of it)? is in no pack of the repository"),
        r"blob \1 tidak ada dalam pack mana pun",
    ),
    (
        re.compile(r"data/../([0-9a-f]{10})[0-9a-f]{54} is not in the repository"),
        r"pack \1 tidak ada dalam repositori",
    ),
    (re.compile(r"(\d+) rows"), r"\1 baris"),
    (re.compile(r"(\d+) bytes"), r"\1 byte"),
    (re.compile(r"(\d+) large objects"), r"\1 objek besar"),
    (re.compile(r"dated (.+)"), r"bertanggal \1"),
    (re.compile(r"none; ([0-9a-f]{8}) was taken"), r"tidak ada; yang diuji \1"),
    (re.compile(r"a file of (\d+) bytes"), r"berkas \1 byte"),
    (re.compile(r"at most (.+) old"), r"paling lama \1"),
    (re.compile(r"(.+) old, of (.+)"), r"berusia \1, yaitu \2"),
    (re.compile(r"(\d+) more like these"), r"\1 lagi yang serupa"),
    (re.compile(r"(\d+) more documents"), r"\1 dokumen lagi"),
)


_WITH_TIMES = ("age", "time")
_AGE = re.compile(r"\b(\d+) (d|h|min|s)\b")
_UNITS = {"d": "hari", "h": "jam", "min": "menit", "s": "detik"}
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?[+-]\d\d:\d\d")
_ZONES = tuple(map(parse_zone, ZONE_ALIASES))


def describe_finding(finding: Mapping[str, Any]) -> str:
    """Return ``Jumlah baris: tabel x dari y, seharusnya 5 baris, ditemukan 4 baris``."""
    what, expected, found = (
        _translated(str(finding.get(name, ""))) for name in ("what", "expected", "found")
    )
    check = str(finding.get("check"))
    if check in _WITH_TIMES:
        expected, found = _with_times(expected), _with_times(found)
    kind = _KINDS.get(check, "Temuan")
    return f"{kind}: {what}, seharusnya {expected}, ditemukan {found}"


def _with_times(text: str) -> str:
    """Say ages and moments as people do: ``1 hari 6 jam``, ``1 Mei 2023 pukul 10.00 WITA``."""
    said = _AGE.sub(lambda match: f"{match[1]} {_UNITS[match[2]]}", text)
    return _MOMENT.sub(lambda match: _say(match[0]), said)


def _say(text: str) -> str:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return text
    zone = next(
        (each for each in _ZONES if moment.astimezone(each).utcoffset() == moment.utcoffset()),
        moment.tzinfo,
    )
    return text if zone is None else date_and_time(moment, zone)


def _translated(text: str) -> str:
    if text in _PHRASES:
        return _PHRASES[text]
    for pattern, words in _PATTERNS:
        if match := pattern.fullmatch(text):
            return match.expand(words)
    return text

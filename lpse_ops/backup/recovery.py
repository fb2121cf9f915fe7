"""The recovery sheet: master key, repository id and polynomial on paper, to be typed by hand.

With the sheet a repository that lost ``keys/`` and ``config`` is still readable.  The code is 11
lines of 20 characters of Crockford's base32 (no I, L, O, U).  Of each line 16 characters are data
and 4 are a Reed-Solomon check over the line's number and its data: up to four wrong characters,
two swapped ones and a line in the wrong place are found for certain, and where they are.
"""

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

import segno

from lpse_ops.backup.crypto import Keys, keys_from_bytes
from lpse_ops.backup.reedsolomon import CHECK_SYMBOLS, check_symbols
from lpse_ops.errors import RepositoryError

VERSION = 1
ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
LINES = 11
_DATA_CHARACTERS = 16
_LINE_CHARACTERS = _DATA_CHARACTERS + CHECK_SYMBOLS
_GROUP = 4
_LINE_BYTES = 10
_SUM_BYTES = 5
_BEGIN = "----- KODE -----"
_END = "----- AKHIR KODE -----"
_LOOK_ALIKES = str.maketrans("OIL", "011", " -\t\r\u2010\u2011\u2012\u2013\u2014\u00a0")
_LINE_NUMBER = re.compile(r"^\s*[0-9]{1,2}\s*[:.)]")
# What the number of a line alone adds to its check.
_NUMBERS = {tuple(check_symbols([n] + [0] * _DATA_CHARACTERS)): n for n in range(1, LINES + 1)}
_MONTHS = {
    1: "Januari",
    2: "Februari",
    3: "Maret",
    4: "April",
    5: "Mei",
    6: "Juni",
    7: "Juli",
    8: "Agustus",
    9: "September",
    10: "Oktober",
    11: "November",
    12: "Desember",
}


@dataclass(frozen=True, repr=False)
class RecoverySecret:
    """All that ``keys/`` and ``config`` hold.  Whoever has it reads every backup."""

    keys: Keys
    repository_id: str
    polynomial: int

    def __repr__(self) -> str:
        return f"RecoverySecret(repository_id={self.repository_id!r}, ...)"


@dataclass(frozen=True)
class SheetFacts:
    """What the sheet says beside the secret."""

    site: str
    location: str
    created: datetime


# --- writing ------------------------------------------------------------------------------------


def render_code(secret: RecoverySecret) -> list[str]:
    """Return the lines of the code, without spaces."""
    payload = (
        bytes([VERSION])
        + secret.keys.to_bytes()
        + bytes.fromhex(secret.repository_id)
        + secret.polynomial.to_bytes(8, "big")
    )
    return render_payload(payload)


def render_payload(payload: bytes) -> list[str]:
    """Add the sum to 105 bytes, the first of them the version, and cut them into lines."""
    content = payload + _sum(payload)
    return [
        _render_line(number, content[start : start + _LINE_BYTES])
        for number, start in enumerate(range(0, len(content), _LINE_BYTES), start=1)
    ]


def render_sheet(secret: RecoverySecret, facts: SheetFacts) -> str:
    """Return the text to print, in Indonesian; ``parse_sheet`` reads it back."""
    code = [f"{number:2}:  {_grouped(line)}" for number, line in enumerate(render_code(secret), 1)]
    created = f"{facts.created.day} {_MONTHS[facts.created.month]} {facts.created.year}"
    return _SHEET.format(
        site=facts.site,
        location=facts.location,
        id=secret.repository_id,
        created=created,
        code="\n".join([_BEGIN, *code, _END]),
        alphabet=ALPHABET,
    )


def render_qr(secret: RecoverySecret, *, paper: bool = False, ascii_only: bool = False) -> str:
    """Return the code as a QR code of block characters, or of ``##`` for terminals without.

    Painted are the light modules, as a terminal writes light on dark; with ``paper`` the dark.
    """
    return render_qr_text("".join(render_code(secret)), paper=paper, ascii_only=ascii_only)


def render_qr_text(text: str, *, paper: bool = False, ascii_only: bool = False) -> str:
    """Return any text as such a QR code."""
    code = segno.make(text, error="m", micro=False)
    rows = [[bool(module) is paper for module in row] for row in code.matrix_iter(border=4)]
    if ascii_only:
        return "".join("".join("##" if on else "  " for on in row) + "\n" for row in rows)
    blank = [not paper] * len(rows[0])
    pairs = zip(rows[::2], [*rows[1::2], blank], strict=True)
    blocks = {(True, True): "█", (True, False): "▀", (False, True): "▄", (False, False): " "}
    return "".join(
        "".join(blocks[both] for both in zip(*pair, strict=True)) + "\n" for pair in pairs
    )


def _render_line(number: int, data: bytes) -> str:
    bits = int.from_bytes(data, "big")
    symbols = [bits >> 5 * place & 31 for place in reversed(range(_DATA_CHARACTERS))]
    return "".join(ALPHABET[symbol] for symbol in [*symbols, *check_symbols([number, *symbols])])


def _grouped(line: str) -> str:
    groups = [line[start : start + _GROUP] for start in range(0, len(line), _GROUP)]
    return "-".join(groups)


def _sum(payload: bytes) -> bytes:
    return hashlib.sha256(payload).digest()[:_SUM_BYTES]


# --- reading ------------------------------------------------------------------------------------


def parse_sheet(text: str) -> RecoverySecret:
    """Read a whole sheet, only its code lines, or what a QR reader shows.

    Raises ``RepositoryError`` naming every line at fault.
    """
    lines = _code_lines(text)
    if faults := list(_faults(lines)):
        raise RepositoryError(
            "the recovery code is not right: " + "; ".join(faults),
            hint="compare these lines with the sheet, character by character, then start"
            " lpse-ops backup key recover again",
        )
    content = b"".join(map(_line_bytes, lines))
    payload, total = content[:-_SUM_BYTES], content[-_SUM_BYTES:]
    if _sum(payload) != total:
        raise RepositoryError(
            "each line of the recovery code is right, but they are not from one sheet",
            hint="type all lines from the same sheet into lpse-ops backup key recover",
        )
    if payload[0] != VERSION:
        raise RepositoryError(
            f"the recovery sheet has version {payload[0]}; this lpse-ops reads version {VERSION}",
            hint="was it printed by a newer lpse-ops? pip install --upgrade lpse-ops",
        )
    return RecoverySecret(
        keys=keys_from_bytes(payload[1:65]),
        repository_id=payload[65:97].hex(),
        polynomial=int.from_bytes(payload[97:], "big"),
    )


def _code_lines(text: str) -> list[str]:
    _, begun, rest = text.partition(_BEGIN)
    within = rest.partition(_END)[0] if begun else text
    numberless = (_LINE_NUMBER.sub("", line) for line in within.splitlines())
    cleaned = (line.upper().translate(_LOOK_ALIKES) for line in numberless)
    lines = [line for line in cleaned if line]
    joined = "".join(lines)
    if len(lines) != LINES and len(joined) == LINES * _LINE_CHARACTERS:
        return [
            joined[start : start + _LINE_CHARACTERS]
            for start in range(0, len(joined), _LINE_CHARACTERS)
        ]
    return lines


def _faults(lines: list[str]) -> Iterable[str]:
    found = [_number_of(line) for line in lines]
    for number, line in enumerate(lines, start=1):
        if strange := set(line) - set(ALPHABET):
            yield f"line {number} holds {' '.join(sorted(strange))}, which the code never does"
        elif len(line) != _LINE_CHARACTERS:
            yield f"line {number} has {len(line)} characters instead of {_LINE_CHARACTERS}"
        elif found[number - 1] is None:
            yield f"line {number} has a typo"
        elif len(lines) == LINES and found[number - 1] != number:
            yield f"in place of line {number} stands line {found[number - 1]}"
    if len(lines) != LINES:
        missing = [str(one) for one in range(1, LINES + 1) if one not in found]
        where = f", line {' or '.join(missing)} is missing" if missing else ""
        yield f"it has {len(lines)} lines instead of {LINES}{where}"


def _number_of(line: str) -> int | None:
    """Return the number of the line whose check fits, whatever place it was typed at."""
    if len(line) != _LINE_CHARACTERS or not set(line) <= set(ALPHABET):
        return None
    symbols = [ALPHABET.index(character) for character in line]
    data, given = symbols[:_DATA_CHARACTERS], symbols[_DATA_CHARACTERS:]
    # The code is linear: what is left is the number's own part of the check.
    rest = tuple(one ^ two for one, two in zip(check_symbols(data), given, strict=True))
    return _NUMBERS.get(rest)


def _line_bytes(line: str) -> bytes:
    bits = 0
    for character in line[:_DATA_CHARACTERS]:
        bits = bits << 5 | ALPHABET.index(character)
    return bits.to_bytes(_LINE_BYTES, "big")


_SHEET = """\
LEMBAR PEMULIHAN
================

RAHASIA. Lembar ini memuat kunci induk cadangan (backup). Siapa pun yang
memegangnya dapat membaca seluruh isi cadangan tanpa kata sandi, dan mengganti
kata sandi tidak membatalkan lembar ini.

Simpan di dalam amplop tersegel di brankas, BUKAN di ruang server dan tidak
bersama media cadangan. Jangan difoto dan jangan disimpan di komputer. Catat
siapa yang membuka amplop, kapan, dan untuk apa.

Unit               : {site}
Lokasi repositori  : {location}
Tanggal dibuat     : {created}
Id repositori      :
  {id}

{code}

CARA MEMAKAI

1. Pasang lpse-ops dan sambungkan media cadangan.
2. Jalankan: lpse-ops backup key recover
3. Ketik kesebelas baris kode, atau pindai kode QR. Huruf besar dan kecil sama
   saja; spasi dan tanda hubung boleh dilewati; O dibaca 0, I dan L dibaca 1.
   Salah ketik diketahui per baris.
4. Buat kata sandi baru ketika diminta, lalu segel kembali amplop ini.

Bila lembar ini pernah dilihat orang yang tidak berhak: kunci induk tidak dapat
diganti. Salin cadangan ke repositori baru (lpse-ops backup copy), cetak lembar
yang baru, lalu hapus repositori yang lama.

TANPA LPSE-OPS

Repositori ini berformat restic versi 2 (https://restic.net, bagian "Design").
Abjad {alphabet} bernilai 0 sampai 31
(base32 Crockford). Buang nomor baris dan empat huruf terakhir setiap baris
(pemeriksa salah ketik), lalu sambung sisanya: 176 huruf = 880 bit = 110 byte,
bit tertinggi dahulu.

  byte   1          versi lembar, yaitu 1
  byte   2 -  33    kunci AES-256, "encrypt" pada kunci induk restic
  byte  34 -  49    kunci AES-128 untuk Poly1305-AES, "mac.k"
  byte  50 -  65    r untuk Poly1305-AES, "mac.r"
  byte  66 -  97    id repositori, "id" pada berkas config
  byte  98 - 105    "chunker_polynomial" pada berkas config
  byte 106 - 110    lima byte pertama SHA-256 dari byte 1 - 105

Kunci induk itu membuka semua berkas repositori. Agar restic biasa dapat
membukanya dengan kata sandi, tulis berkas baru di keys/ (kunci induk disegel
dengan kunci hasil scrypt) dan, bila hilang, berkas config.
"""

"""A database as SPSE keeps it, made up from a seed: for the demo, tests and benchmarks.

SQL for ``psql``: tables, COPY blocks, then constraints, indexes, a view and sequences.  Each row
of ``dok_penawaran`` names a file of ``sample_documents.py`` with its size.
"""

import itertools
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from importlib.resources import files
from random import Random
from typing import BinaryIO

from lpse_ops.spse.sample_documents import MEGABYTE, Changes, Document

_ROWS_A_WRITE = 2000
_BIDDERS = 6
# What one package takes in COPY text, with its tender, stages, bidders and contract.
_PACKAGE_BYTES = 1900
# SPSE's columns know no time zone.
_FIRST_DAY = datetime(2019, 1, 7, 8)
_DATA_MARK = "-- DATA\n"


def write_sql(out: BinaryIO, megabytes: int, seed: int, documents: Iterable[Document] = ()) -> None:
    """Write SQL of about the size, for an empty database.  Half of it is the access log."""
    scene = _make_scene(megabytes, seed)
    tables, _, constraints = _read_text("sample_schema.sql").partition(_DATA_MARK)
    out.write(tables.encode())
    written = sum(_write_copy(out, table, rows(scene)) for table, rows in _TABLES.items())
    bids = (f"{one.id}\t{scene.bidder_of(one)}\t{_document(one)}" for one in documents)
    written += _write_copy(out, "public.dok_penawaran", bids)
    left = max(megabytes * MEGABYTE - written, 1)
    _write_copy(out, "public.log_akses", _first_bytes(_log(scene), left))
    out.write(constraints.encode())


def change_sql(out: BinaryIO, changes: Changes, seed: int) -> None:
    """Write SQL for a database of ``write_sql``: the documents' changes, 1-2 % of other rows."""
    head, _, tail = _read_text("sample_changes.sql").partition(_DATA_MARK)
    out.write(f"\\set seed {seed}\n{head}".encode())
    kinds = {"tambah": changes.added, "ubah": changes.changed, "hapus": changes.deleted}
    rows = (f"{kind}\t{one.id}\t{_document(one)}" for kind, some in kinds.items() for one in some)
    _write_copy(out, "dok_berubah", rows)
    out.write(tail.encode())


@dataclass(frozen=True)
class _Scene:
    """How many of each there are, and what they are called."""

    random: Random
    words: dict[str, list[str]]
    packages: int
    firms: int
    offices: int
    agencies: int

    @property
    def bidders(self) -> int:
        return self.packages * _BIDDERS

    def bidder_of(self, document: Document) -> int:
        return document.id * 7919 % self.bidders + 1

    def word(self, kind: str) -> str:
        words = self.words[kind]
        return words[int(self.random.random() * len(words))]

    def number(self, last: int) -> int:
        """Draw from 1 to ``last``, both included; ``randint`` takes four times as long."""
        return int(self.random.random() * last) + 1

    def moment(self) -> datetime:
        return _FIRST_DAY + timedelta(seconds=self.number(7 * 365 * 86400))

    def address(self) -> str:
        if self.random.random() < 0.05:
            return "\\N"
        # A line break inside, as people type addresses.
        street = f"{self.word('streets')} No. {self.number(250)}"
        return f"{street}\\nKec. {self.word('places')} {self.number(90_000) + 9_999}"


def _make_scene(megabytes: int, seed: int) -> _Scene:
    packages = max(megabytes * MEGABYTE // 2 // _PACKAGE_BYTES, 10)
    return _Scene(
        random=Random(f"database {seed}"),  # noqa: S311
        words=json.loads(_read_text("sample_words.json")),
        packages=packages,
        firms=packages // 3 + _BIDDERS,
        offices=packages // 40 + 3,
        agencies=packages // 400 + 1,
    )


def _read_text(name: str) -> str:
    return files("lpse_ops.spse").joinpath(name).read_text("utf-8")


# --- COPY ---------------------------------------------------------------------------------------


def _write_copy(out: BinaryIO, table: str, rows: Iterator[str]) -> int:
    """Write one COPY block; return the size of its rows."""
    out.write(f"COPY {table} FROM stdin;\n".encode())
    written = 0
    while batch := "".join(itertools.islice(rows, _ROWS_A_WRITE)):
        written += out.write(batch.encode())
    out.write(b"\\.\n\n")
    return written


def _first_bytes(rows: Iterator[str], size_bytes: int) -> Iterator[str]:
    """Take from endless rows about as much as wanted."""
    while size_bytes > 0:
        row = next(rows)
        yield row
        size_bytes -= len(row)


def _stamp(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S}"


# --- rows ---------------------------------------------------------------------------------------


def _agencies(scene: _Scene) -> Iterator[str]:
    places = scene.words["places"]
    for number in range(1, scene.agencies + 1):
        name = f"Pemerintah Daerah Kabupaten {places[number % len(places)]}"
        yield f"{number}\t{name}\t{scene.address()}\t{_stamp(scene.moment())}\n"


def _offices(scene: _Scene) -> Iterator[str]:
    for number in range(1, scene.offices + 1):
        agency = scene.number(scene.agencies)
        yield f"{number}\t{agency}\t{scene.word('offices')} {number}\t1.{number:05d}.{agency:03d}\n"


def _committees(scene: _Scene) -> Iterator[str]:
    for number in range(1, scene.offices + 1):
        year = 2019 + number % 7
        agency = scene.number(scene.agencies)
        yield f"{number}\t{agency}\tPokja Pemilihan {number} Tahun {year}\t{year}\n"


def _firms(scene: _Scene) -> Iterator[str]:
    for number in range(1, scene.firms + 1):
        form, first, last = scene.word("forms"), scene.word("firms"), scene.word("firm_ends")
        tax = f"{scene.number(10**15) - 1:015d}"
        email = f"{first}.{last}{number}@contoh.id".lower()
        active = "f" if number % 20 == 0 else "t"
        yield (
            f"{number}\t{form} {first} {last}\t{tax}\t{scene.address()}\t{email}"
            f"\t{_stamp(scene.moment())}\t{active}\n"
        )


def _packages(scene: _Scene) -> Iterator[str]:
    for number in range(1, scene.packages + 1):
        budget = scene.number(90_000) * 1_000_000
        estimate = "\\N" if number % 50 == 0 else f"{budget * 98 // 100}.00"
        place, phase = scene.word("places"), scene.number(4)
        name = f"{scene.word('works')} {place} Tahap {phase} – Paket {number}"
        yield (
            f"{number}\t{scene.number(scene.offices)}\t{scene.number(scene.offices)}\t{name}"
            f"\t{budget}.00\t{estimate}\t{scene.number(3)}\t{_stamp(scene.moment())}\n"
        )


def _tenders(scene: _Scene) -> Iterator[str]:
    for number in range(1, scene.packages + 1):
        again = scene.number(10) > 7
        note = f"Evaluasi ulang: {scene.word('stages')}" if again else "\\N"
        approved = _stamp(scene.moment())
        yield f"{number}\t{number}\t{1 + again}\t{number % 3}\t{approved}\t{note}\n"


def _stages(scene: _Scene) -> Iterator[str]:
    stages = scene.words["stages"]
    numbers = itertools.count(1)
    for tender in range(1, scene.packages + 1):
        start = scene.moment()
        for order, name in enumerate(stages, start=1):
            end = start + timedelta(hours=scene.number(72))
            yield f"{next(numbers)}\t{tender}\t{order}\t{name}\t{_stamp(start)}\t{_stamp(end)}\n"
            start = end


def _bidders(scene: _Scene) -> Iterator[str]:
    for number in range(1, scene.bidders + 1):
        tender, place = divmod(number - 1, _BIDDERS)
        price = scene.number(10**13)
        winner = "t" if place == 0 else "f"
        yield (
            f"{number}\t{tender + 1}\t{_firm_at(scene, tender, place)}"
            f"\t{price // 100}.{price % 100:02d}\t{_stamp(scene.moment())}\t{winner}\n"
        )


def _firm_at(scene: _Scene, tender: int, place: int) -> int:
    return (tender * 31 + place) % scene.firms + 1


def _contracts(scene: _Scene) -> Iterator[str]:
    for number in range(1, scene.packages + 1, 2):
        firm = _firm_at(scene, number - 1, 0)
        day = scene.moment()
        letter = f"027/{number}/SPK/{day:%m}/{day:%Y}"
        yield f"{number}\t{number}\t{firm}\t{letter}\t{scene.number(10**11)}.00\t{day:%Y-%m-%d}\n"


def _document(document: Document) -> str:
    return (
        f"{document.title}\t{document.path}\t{document.size_bytes}\t{document.version}"
        f"\t{_stamp(document.modified)}\n"
    )


def _log(scene: _Scene) -> Iterator[str]:
    at = _FIRST_DAY
    numbers = itertools.count(1)
    while True:
        number = next(numbers)
        at += timedelta(seconds=scene.number(40))
        user = f"rekanan{scene.number(scene.firms)}"
        address = f"10.{scene.number(250)}.{scene.number(250)}.{scene.number(250)}"
        page = scene.word("pages").format(scene.number(scene.packages))
        note = "\\N" if number % 9 else f"waktu {scene.number(900)} ms"
        yield f"{number}\t{_stamp(at)}\t{user}\t{address}\t{page}\t{note}\n"


_TABLES: dict[str, Callable[[_Scene], Iterator[str]]] = {
    "public.agency": _agencies,
    "public.satuan_kerja": _offices,
    "public.panitia": _committees,
    "public.rekanan": _firms,
    "public.paket": _packages,
    "public.lelang_seleksi": _tenders,
    "public.jadwal": _stages,
    "public.peserta": _bidders,
    "ekontrak.kontrak": _contracts,
}

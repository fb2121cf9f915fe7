"""A database as SPSE keeps it, made up from a seed: for the demo, tests and benchmarks.

Plain SQL for ``psql``: tables, COPY blocks, then constraints, indexes, a view and sequences.
Each row of ``dok_penawaran`` names a file of ``sample_documents.py`` with its size.
"""

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from importlib.resources import files
from random import Random
from typing import BinaryIO

from lpse_ops.spse.sample_documents import MEGABYTE, Changes, Document

_ROWS_A_WRITE = 2000
_BIDDERS = 6
# What one package, with its tender, stages, bidders and contract, takes in COPY text.
_PACKAGE_BYTES = 1900
_FIRST_DAY = datetime(2019, 1, 7, 8)  # noqa: DTZ001 - SPSE's columns know no time zone
_PLACES = (
    "Lebong,Kutai Barat,Barito Timur,Luwu Utara,Mamuju,Gorontalo,Balangan,Sanggau,Kendal,Klaten,"
    "Badung,Bontang,Tebo,Kepahiang,Bungo,Wonogiri,Prabumulih,Pandeglang,Lombok Utara,Pelalawan"
).split(",")
_WORKS = (
    "Pembangunan Jembatan,Rehabilitasi Ruang Kelas SDN,Pengadaan Alat Kesehatan Puskesmas,"
    "Peningkatan Jalan Desa,Pengadaan Obat Generik,Pemeliharaan Jaringan Irigasi,"
    "Pengadaan Kendaraan Operasional,Jasa Konsultansi Pengawasan,Pengadaan Komputer dan Server,"
    "Pembangunan Gedung Kantor,Pengadaan Seragam Satpol PP,Normalisasi Sungai"
).split(",")
_OFFICES = (
    "Dinas Pekerjaan Umum dan Penataan Ruang,Dinas Kesehatan,Dinas Pendidikan,"
    "Dinas Perhubungan,Sekretariat Daerah,RSUD,Dinas Komunikasi dan Informatika,Bappeda"
).split(",")
_STAGES = (
    "Pengumuman Pascakualifikasi,Download Dokumen Pemilihan,Pemberian Penjelasan,"
    "Upload Dokumen Penawaran,Pembukaan Dokumen Penawaran,Evaluasi Penawaran,"
    "Evaluasi Kualifikasi,Pembuktian Kualifikasi,Penetapan Pemenang,Pengumuman Pemenang,"
    "Masa Sanggah,Surat Penunjukan Penyedia"
).split(",")
_FIRMS = "Karya,Bina,Cipta,Sinar,Mitra,Putra,Tirta,Graha,Surya,Jaya".split(",")
_FIRM_ENDS = "Mandiri,Utama,Sejahtera,Abadi,Perkasa,Persada,Nusantara,Bersama,Konstruksi".split(",")
_STREETS = "Jl. Jenderal Sudirman,Jl. Ahmad Yani,Jl. Diponegoro,Jl. Gajah Mada,Jl. Merdeka".split(
    ","
)
_PAGES = (
    "/eproc4/lelang/{}/pengumumanlelang,/eproc4/lelang/{}/jadwal,/eproc4/rekanan/penawaran/{},"
    "/eproc4/panitia/evaluasi/{},/eproc4/dok_lelang/{},/eproc4/lelang/{}/peserta"
).split(",")


@dataclass(frozen=True)
class _Counts:
    packages: int
    firms: int
    offices: int
    agencies: int

    @property
    def bidders(self) -> int:
        return self.packages * _BIDDERS


def write_sql(out: BinaryIO, megabytes: int, seed: int, documents: Iterable[Document] = ()) -> None:
    """Write SQL of about the size, for an empty database.  Half of it is the access log."""
    random = Random(f"database {seed}")  # noqa: S311
    packages = max(megabytes * MEGABYTE // 2 // _PACKAGE_BYTES, 10)
    counts = _Counts(packages, packages // 3 + _BIDDERS, packages // 40 + 3, packages // 400 + 1)
    tables, _, constraints = _read_schema().partition("-- DATA\n")
    out.write(tables.encode())
    written = 0
    for table, rows in _TABLES.items():
        written += _write_copy(out, table, rows(random, counts))
    written += _write_copy(out, "public.dok_penawaran", _documents(counts, documents))
    left = max(megabytes * MEGABYTE - written, 1)
    _write_copy(out, "public.log_akses", _first_bytes(_log(random, counts), left))
    out.write(constraints.encode())


def change_sql(out: BinaryIO, changes: Changes, seed: int) -> None:
    """Write SQL for a database of ``write_sql``: the documents' changes, 1-2 % of other rows."""
    statements = [
        "BEGIN",
        *(_insert(document) for document in changes.added),
        *(_update(document) for document in changes.changed),
        *(f"DELETE FROM public.dok_penawaran WHERE dok_id = {d.id}" for d in changes.deleted),
        "SELECT setval('public.seq_dok_penawaran', max(dok_id)) FROM public.dok_penawaran",
        f"UPDATE public.paket SET pkt_pagu = pkt_pagu * 1.05 WHERE pkt_id % 71 = {seed % 71}",
        "INSERT INTO public.log_akses (log_waktu, log_pengguna, log_alamat, log_url)"
        " SELECT log_waktu + interval '1 day', log_pengguna, log_alamat, log_url"
        f" FROM public.log_akses WHERE log_id % 67 = {seed % 67} ORDER BY log_id",
        "COMMIT",
    ]
    out.write("".join(f"{statement};\n" for statement in statements).encode())


def _read_schema() -> str:
    return files("lpse_ops.spse").joinpath("sample_schema.sql").read_text("utf-8")


def _insert(document: Document) -> str:
    # Titles and paths are our own and hold no quotes.
    return (
        "INSERT INTO public.dok_penawaran"
        f" SELECT {document.id}, min(psr_id), '{document.title}', '{document.path}',"
        f" {document.size_bytes}, {document.version}, '{_stamp(document.modified)}'"
        " FROM public.peserta"
    )


def _update(document: Document) -> str:
    return (
        f"UPDATE public.dok_penawaran SET dok_ukuran = {document.size_bytes},"
        f" dok_versi = {document.version}, dok_tgljam = '{_stamp(document.modified)}'"
        f" WHERE dok_id = {document.id}"
    )


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
    for row in rows:
        yield row
        size_bytes -= len(row)
        if size_bytes <= 0:
            return


def _stamp(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S}"


def _moment(random: Random) -> datetime:
    return _FIRST_DAY + timedelta(seconds=int(random.random() * 7 * 365 * 86400))


def _any(random: Random, words: Sequence[str]) -> str:
    return words[int(random.random() * len(words))]


def _between(random: Random, last: int) -> int:
    return int(random.random() * last) + 1


# --- rows ---------------------------------------------------------------------------------------


def _agencies(random: Random, counts: _Counts) -> Iterator[str]:
    for number in range(1, counts.agencies + 1):
        place = _PLACES[number % len(_PLACES)]
        yield (
            f"{number}\tPemerintah Daerah Kabupaten {place}\t{_address(random)}"
            f"\t{_stamp(_moment(random))}\n"
        )


def _offices(random: Random, counts: _Counts) -> Iterator[str]:
    for number in range(1, counts.offices + 1):
        agency = _between(random, counts.agencies)
        name = f"{_any(random, _OFFICES)} Kab. {_PLACES[agency % len(_PLACES)]}"
        yield f"{number}\t{agency}\t{name}\t1.{number:05d}.{agency:03d}\n"


def _committees(random: Random, counts: _Counts) -> Iterator[str]:
    for number in range(1, counts.offices + 1):
        year = 2019 + number % 7
        name = f"Pokja Pemilihan {number} Tahun {year}"
        yield f"{number}\t{_between(random, counts.agencies)}\t{name}\t{year}\n"


def _firms(random: Random, counts: _Counts) -> Iterator[str]:
    for number in range(1, counts.firms + 1):
        words = (_any(random, ("CV", "PT", "UD")), _any(random, _FIRMS), _any(random, _FIRM_ENDS))
        tax = f"{random.randrange(10**15):015d}"
        email = f"{words[1]}.{words[2]}{number}@contoh.id".lower()
        active = "f" if random.random() < 0.05 else "t"
        yield (
            f"{number}\t{' '.join(words)}\t{tax}\t{_address(random)}\t{email}"
            f"\t{_stamp(_moment(random))}\t{active}\n"
        )


def _address(random: Random) -> str:
    if random.random() < 0.05:
        return "\\N"
    # A line break inside, as people type addresses.
    street = f"{_any(random, _STREETS)} No. {_between(random, 250)}"
    return f"{street}\\nKec. {_any(random, _PLACES)} {random.randrange(10**4, 10**5)}"


def _packages(random: Random, counts: _Counts) -> Iterator[str]:
    for number in range(1, counts.packages + 1):
        budget = random.randrange(200, 90_000) * 1_000_000
        owner = "\\N" if number % 50 == 0 else f"{budget * 0.98:.2f}"
        name = (
            f"{_any(random, _WORKS)} {_any(random, _PLACES)} Tahap {_between(random, 4)}"
            f" – Paket {number}"
        )
        yield (
            f"{number}\t{_between(random, counts.offices)}\t{_between(random, counts.offices)}"
            f"\t{name}\t{budget}.00\t{owner}\t{_between(random, 3)}\t{_stamp(_moment(random))}\n"
        )


def _tenders(random: Random, counts: _Counts) -> Iterator[str]:
    for number in range(1, counts.packages + 1):
        note = "\\N" if random.random() < 0.7 else f"Evaluasi ulang: {_any(random, _STAGES)}"
        version = 2 if note.startswith("E") else 1
        yield f"{number}\t{number}\t{version}\t{number % 3}\t{_stamp(_moment(random))}\t{note}\n"


def _stages(random: Random, counts: _Counts) -> Iterator[str]:
    last = len(_STAGES)
    for tender in range(1, counts.packages + 1):
        start = _moment(random)
        for order, name in enumerate(_STAGES, start=1):
            end = start + timedelta(hours=_between(random, 72))
            number = (tender - 1) * last + order
            yield f"{number}\t{tender}\t{order}\t{name}\t{_stamp(start)}\t{_stamp(end)}\n"
            start = end


def _bidders(random: Random, counts: _Counts) -> Iterator[str]:
    for number in range(1, counts.bidders + 1):
        tender, place = divmod(number - 1, _BIDDERS)
        firm = (tender * 31 + place) % counts.firms + 1
        price = f"{random.randrange(10**8, 10**11)}.{random.randrange(100):02d}"
        winner = "t" if place == 0 else "f"
        yield f"{number}\t{tender + 1}\t{firm}\t{price}\t{_stamp(_moment(random))}\t{winner}\n"


def _contracts(random: Random, counts: _Counts) -> Iterator[str]:
    for number in range(1, counts.packages + 1, 2):
        firm = (number - 1) * 31 % counts.firms + 1
        day = _moment(random)
        yield (
            f"{number}\t{number}\t{firm}\t027/{number}/SPK/{day:%m}/{day:%Y}"
            f"\t{random.randrange(10**8, 10**11)}.00\t{day:%Y-%m-%d}\n"
        )


def _documents(counts: _Counts, documents: Iterable[Document]) -> Iterator[str]:
    for one in documents:
        bidder = one.id * 7919 % counts.bidders + 1
        yield (
            f"{one.id}\t{bidder}\t{one.title}\t{one.path}\t{one.size_bytes}\t{one.version}"
            f"\t{_stamp(one.modified)}\n"
        )


def _log(random: Random, counts: _Counts) -> Iterator[str]:
    at = _FIRST_DAY
    for number in itertools.count(1):
        at += timedelta(seconds=_between(random, 40))
        user = f"rekanan{_between(random, counts.firms)}"
        address = f"10.{_between(random, 250)}.{_between(random, 250)}.{_between(random, 250)}"
        page = _any(random, _PAGES).format(_between(random, counts.packages))
        note = "\\N" if number % 9 else f"waktu {_between(random, 900)} ms, {_any(random, _STAGES)}"
        yield f"{number}\t{_stamp(at)}\t{user}\t{address}\t{page}\t{note}\n"


_TABLES: dict[str, Callable[[Random, _Counts], Iterator[str]]] = {
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

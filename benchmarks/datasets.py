"""The data that both tools back up: made once, from a fixed seed, into a cache folder.

``large`` is what an SPSE server holds most of: uploaded documents, which do not compress, and the
text of a database dump, which does.  ``small`` is 100 000 small files in 100 folders.
"""

import math
import shutil
from collections.abc import Iterator
from pathlib import Path
from random import Random

SEED = 20260101
# Part of the folder's name: to be raised whenever the bytes change.
GENERATION = 1
MIB = 1 << 20
DOCUMENT_BYTES, SQL_BYTES = 1_000_000_000, 600_000_000
SMALL_FILES, SMALL_FOLDERS = 100_000, 100

_WORDS = (
    "pengadaan pembangunan rehabilitasi gedung jalan jembatan sekolah puskesmas peningkatan "
    "pemeliharaan saluran irigasi konsultansi pengawasan perencanaan belanja modal alat "
    "kesehatan kendaraan dinas kecamatan kelurahan desa kabupaten kota tahun anggaran paket "
    "lanjutan ruang kelas baru perpustakaan jaringan air bersih pasar terminal kantor jasa"
)
_STAGES = ("PENGUMUMAN", "PEMASUKAN_PENAWARAN", "EVALUASI", "SANGGAH", "PENANDATANGANAN", "SELESAI")
_COPY = "COPY public.lelang_seleksi (lls_id, pkt_id, nama, tahap, pagu, hps, dibuat, kunci) "


def prepare_data(cache: Path, kind: str, scale: float) -> Path:
    """Return the folder with the data set, which is made if the cache lacks it."""
    folder = cache / f"{kind}-{scale:g}-v{GENERATION}"
    if not folder.is_dir():
        print(f"making the data set {folder.name} ...", flush=True)
        partial = cache / f"{folder.name}.partial"
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        MAKERS[kind](partial, scale, Random(f"{SEED} {kind}"))
        partial.rename(folder)
    return folder


def _make_large(folder: Path, scale: float, random: Random) -> None:
    for number, size in enumerate(_document_sizes(int(DOCUMENT_BYTES * scale), random)):
        parent = folder / "file_prod" / f"{number // 100:03d}"
        parent.mkdir(parents=True, exist_ok=True)
        with (parent / f"dokumen-{number:05d}.pdf").open("wb") as file:
            for start in range(0, size, MIB):
                file.write(random.randbytes(min(MIB, size - start)))
    _write_sql(folder / "epns_prod.sql", int(SQL_BYTES * scale), random)


def _document_sizes(total: int, random: Random) -> Iterator[int]:
    """Log-normal between 20 KB and 60 MB; the last one fills up what is left."""
    while total > 0:
        size = int(random.lognormvariate(math.log(500_000), 1.6))
        size = min(max(size, 20_000), 60_000_000, total)
        yield size
        total -= size


def _write_sql(path: Path, total: int, random: Random) -> None:
    words = _WORDS.split()
    names = [" ".join(random.choices(words, k=random.randint(4, 14))) for _ in range(20_000)]
    with path.open("w", encoding="ascii", buffering=MIB) as file:
        written = file.write(f"{_COPY}FROM stdin;\n")
        number = 4_000_000
        while written < total:
            number += 1
            written += file.write(_sql_line(number, names, random.getrandbits(96)))
        file.write("\\.\n")


def _sql_line(number: int, names: list[str], bits: int) -> str:
    budget = (bits & 0xFFFF) * 50_000
    day, second = (bits >> 16) % 28 + 1, (bits >> 21) % 60
    name = names[(bits >> 27) % len(names)]
    return (
        f"{number}\t{number // 3}\t{name}\t{_STAGES[bits % len(_STAGES)]}\t{budget}.00\t"
        f"{budget - budget // 97}.00\t2025-{bits % 12 + 1:02d}-{day:02d} 08:15:{second:02d}\t"
        f"{bits >> 32:016x}\n"
    )


def _make_small(folder: Path, scale: float, random: Random) -> None:
    text = " ".join(random.choices(_WORDS.split(), k=400_000)).encode("ascii")
    for number in range(int(SMALL_FILES * scale)):
        parent = folder / f"{number % SMALL_FOLDERS:03d}"
        parent.mkdir(exist_ok=True)
        size = int(100 * 40 ** random.random())
        start = random.randrange(len(text) - size)
        content = text[start : start + size] if number % 2 else random.randbytes(size)
        (parent / f"berkas-{number:06d}.dat").write_bytes(content)


MAKERS = {"large": _make_large, "small": _make_small}

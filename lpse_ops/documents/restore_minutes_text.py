"""What *Berita Acara Uji Restore* says, sentence by sentence; the templates only lay it out.

All text is clean (``plaintext``) and bounded, so that the paper keeps to one page.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from lpse_ops.documents.indonesian import (
    clock_time,
    date,
    date_and_time,
    date_in_words,
    day_name,
    duration,
    grouped,
    size,
)
from lpse_ops.documents.paper_parts import (
    LONGEST_COMMAND,
    LONGEST_NAME,
    NONE,
    Fact,
    SignatureRow,
    checkpoint_fact,
    checkpoint_line,
    letterhead_lines,
    place_and_date,
    signature_rows,
)
from lpse_ops.documents.plaintext import clean
from lpse_ops.documents.values import (
    DatabaseResult,
    DocumentsResult,
    RestoreMinutes,
    Signatory,
)

# More would not fit on the page; the report has all of them.
MOST_DATABASES = 3
MOST_FINDINGS = 5
_LONGEST_FINDING = 180
_ID_DIGITS = 10
_AGREES, _DIFFERS = "sesuai", "TIDAK SESUAI"


@dataclass(frozen=True)
class Result:
    """A line of the table of results."""

    subject: str
    expected: str
    found: str
    verdict: str


@dataclass(frozen=True)
class RestoreMinutesText:
    """Every text of the paper, by the name that templates use."""

    letterhead: tuple[str, ...]
    address: str
    site: str
    title: str
    number: str
    opening: str
    facts: tuple[Fact, ...]
    results: tuple[Result, ...]
    findings: tuple[str, ...]
    conclusion: str
    verdict: str
    basis: str
    closing: str
    place_and_date: str
    signatures: tuple[SignatureRow, ...]
    fingerprints: tuple[Fact, ...]
    verify: tuple[str, ...]
    qr_note: str


def compose(values: RestoreMinutes) -> RestoreMinutesText:
    """Turn values into the text of the paper."""
    site = clean(values.site, LONGEST_NAME)
    verdict = _verdict(values)
    return RestoreMinutesText(
        letterhead=letterhead_lines(values.letterhead),
        address=clean(values.letterhead.address, 160),
        site=site,
        title="BERITA ACARA UJI RESTORE",
        number=clean(values.number, LONGEST_NAME),
        opening=_opening(values, site),
        facts=tuple(_facts(values)),
        results=tuple(_results(values)),
        findings=tuple(_findings(values.problems)),
        conclusion=_conclusion(values),
        verdict=verdict,
        basis=_basis(values.legal_basis),
        closing=(
            "Demikian Berita Acara ini dibuat dengan sebenarnya untuk dipergunakan "
            "sebagaimana mestinya."
        ),
        place_and_date=place_and_date(values.place, values.finished, values.zone),
        signatures=tuple(signature_rows(_signatories(values))),
        fingerprints=tuple(_fingerprints(values)),
        verify=tuple(clean(line, LONGEST_COMMAND) for line in values.verify[:3]),
        qr_note="Kode QR memuat kedua sidik jari ini.",
    )


def qr_content(values: RestoreMinutes) -> str:
    """Return what the QR code says: both fingerprints; `log verify --checkpoint` reads it."""
    report = clean(values.report_sha256, 64)
    return f"{checkpoint_line(values.ledger)}\nsha256:{report}"


def _opening(values: RestoreMinutes, site: str) -> str:
    day = day_name(values.finished, values.zone)
    words = date_in_words(values.finished, values.zone)
    figures = f"{values.finished.astimezone(values.zone):%d-%m-%Y}"
    hour = clock_time(values.finished, values.zone)
    did = "melaksanakan dan menyaksikan" if values.witnessed_by else "melaksanakan"
    return (
        f"Pada hari ini {day} tanggal {words} ({figures}) pukul {hour}, kami yang bertanda tangan "
        f"di bawah ini telah {did} uji restore atas cadangan (backup) data SPSE pada {site} "
        "dengan keterangan dan hasil sebagai berikut."
    )


def _facts(values: RestoreMinutes) -> Iterator[Fact]:
    medium = clean(values.medium, LONGEST_NAME)
    yield Fact("Tujuan cadangan", f"{clean(values.destination, LONGEST_NAME)}, {medium}")
    if values.kept_at:
        yield Fact("Tempat penyimpanan", clean(values.kept_at, LONGEST_NAME))
    repository, snapshot = values.repository_id[:_ID_DIGITS], values.snapshot[:_ID_DIGITS]
    yield Fact("Repositori dan snapshot", f"{clean(repository)} dan {clean(snapshot)}")
    yield Fact("Waktu snapshot", date_and_time(values.snapshot_time, values.zone))
    yield Fact("Waktu pelaksanaan", _span(values))


def _span(values: RestoreMinutes) -> str:
    begin = date_and_time(values.started, values.zone)
    on_one_day = date(values.started, values.zone) == date(values.finished, values.zone)
    say = clock_time if on_one_day else date_and_time
    return f"{begin} sampai dengan {say(values.finished, values.zone)}"


def _results(values: RestoreMinutes) -> Iterator[Result]:
    # What failed first: of what did not, one may do without the figures.
    failed = values.unproved[:MOST_DATABASES]
    for name in failed:
        yield Result(f"Basis data {clean(name, 40)}", "pulih", NONE, "TIDAK TERBUKTI PULIH")
    for database in values.databases[: MOST_DATABASES - len(failed)]:
        yield from _database_results(database)
    if not values.databases and not failed:
        yield Result("Basis data", NONE, NONE, "tidak diuji")
    more = len(values.databases) + len(values.unproved) - MOST_DATABASES
    if more > 0:
        yield Result(f"{more} basis data lain", NONE, NONE, "lihat laporan")
    if values.documents is not None:
        yield from _document_results(values.documents)
    elif not values.passed:
        yield Result("Dokumen: berkas", "pulih", NONE, "TIDAK TERBUKTI PULIH")
    measured = "terukur" if _is_whole(values) else "tidak semuanya pulih"
    yield Result("Lama pemulihan (RTO)", NONE, duration(values.rto_seconds), measured)
    yield _age_of_data(values)


def _is_whole(values: RestoreMinutes) -> bool:
    """Whether everything came back: only then RTO is the time that a restore takes."""
    files = values.documents
    return not values.unproved and files is not None and files.files_found == files.files_expected


def _database_results(database: DatabaseResult) -> Iterator[Result]:
    name = clean(database.name, 40)
    tables, rows = database.tables_expected, database.rows_expected
    yield Result(
        f"Basis data {name}: tabel",
        _number(tables),
        grouped(database.tables_found),
        _compared(tables, database.tables_found),
    )
    verdict = _compared(rows, database.rows_found)
    if database.tables_differing:
        verdict = f"{_DIFFERS}: {grouped(database.tables_differing)} tabel"
    yield Result(f"Basis data {name}: baris", _number(rows), grouped(database.rows_found), verdict)


def _document_results(documents: DocumentsResult) -> Iterator[Result]:
    yield Result(
        "Dokumen: berkas",
        grouped(documents.files_expected),
        grouped(documents.files_found),
        _compared(documents.files_expected, documents.files_found),
    )
    yield Result("Dokumen: ukuran", NONE, size(documents.bytes_found), "terukur")
    if documents.named is None:
        yield Result("Dokumen yang disebut basis data", NONE, NONE, "tidak diperiksa")
    else:
        found = documents.named - documents.missing
        yield Result(
            "Dokumen yang disebut basis data",
            grouped(documents.named),
            grouped(found),
            _compared(documents.named, found),
        )
    right = documents.sample - documents.sample_wrong
    yield Result(
        "Dokumen contoh, diperiksa isinya",
        grouped(documents.sample),
        grouped(right),
        _compared(documents.sample, right) if documents.sample else "tidak diperiksa",
    )


def _age_of_data(values: RestoreMinutes) -> Result:
    if values.rpo_seconds is None:
        return Result("Usia data terbaru (RPO)", NONE, NONE, "tidak dapat ditentukan")
    newest = values.newest_row
    source = f"baris terbaru {date_and_time(newest, values.zone)}" if newest else "waktu snapshot"
    partly = "" if _is_whole(values) else "; tidak semuanya pulih"
    age = duration(values.rpo_seconds)
    return Result("Usia data terbaru (RPO)", NONE, age, f"menurut {source}{partly}")


def _number(number: int | None) -> str:
    return NONE if number is None else grouped(number)


def _compared(expected: int | None, found: int) -> str:
    if expected is None:
        return "tanpa pembanding"
    return _AGREES if expected == found else _DIFFERS


def _findings(problems: Sequence[str]) -> Iterator[str]:
    if not problems:
        yield "Tidak ada temuan."
        return
    yield from (clean(problem, _LONGEST_FINDING) for problem in problems[:MOST_FINDINGS])
    more = len(problems) - MOST_FINDINGS
    if more > 0:
        yield f"Dan {grouped(more)} temuan lain yang tercantum dalam laporan."


def _verdict(values: RestoreMinutes) -> str:
    if not values.passed:
        return "GAGAL"
    return "BERHASIL" if values.databases else "BERHASIL UNTUK BERKAS SAJA"


def _conclusion(values: RestoreMinutes) -> str:
    if values.passed and not values.databases:
        return "berkas dalam cadangan terbukti dapat dipulihkan; basis data tidak diuji."
    if values.passed:
        return "cadangan terbukti dapat dipulihkan."
    return (
        "cadangan belum terbukti dapat dipulihkan seluruhnya; temuan di atas perlu ditindaklanjuti."
    )


def _basis(texts: Sequence[str]) -> str:
    return "; ".join(clean(text, 200).rstrip(".;") for text in texts[:4])


def _signatories(values: RestoreMinutes) -> list[tuple[str, Signatory]]:
    doers = [("Yang melaksanakan,", person) for person in values.carried_out_by]
    return doers + [("Yang menyaksikan,", person) for person in values.witnessed_by]


def _fingerprints(values: RestoreMinutes) -> Iterator[Fact]:
    yield Fact("Sidik jari laporan (SHA-256)", clean(values.report_sha256, 64))
    yield checkpoint_fact(values.ledger)

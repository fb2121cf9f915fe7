from dataclasses import asdict, replace
from datetime import timedelta

import pytest

from lpse_ops.documents.restore_minutes_text import MOST_FINDINGS, compose, qr_content
from lpse_ops.documents.values import DatabaseResult
from lpse_ops.ledgercheckpoint import find_checkpoints
from tests.documents.samples import HOSTILE, MINUTES, REPORT, ROOT


def results(values):
    return [(row.subject, row.expected, row.found, row.verdict) for row in compose(values).results]


def test_the_table_of_results():
    assert results(MINUTES) == [
        ("Basis data epns_prod: tabel", "212", "212", "sesuai"),
        ("Basis data epns_prod: baris", "1.234.567", "1.234.567", "sesuai"),
        ("Dokumen: berkas", "5.120", "5.120", "sesuai"),
        ("Dokumen: ukuran", "–", "4,7 GiB", "terukur"),
        ("Dokumen yang disebut basis data", "4.890", "4.890", "sesuai"),
        ("Dokumen contoh, diperiksa isinya", "50", "50", "sesuai"),
        ("Lama pemulihan (RTO)", "–", "1 jam 23 menit", "terukur"),
        (
            "Usia data terbaru (RPO)",
            "–",
            "9 jam 5 menit",
            "menurut baris terbaru 21 November 2026 pukul 15.04 WITA",
        ),
    ]


def test_what_was_not_proved_is_said_as_such():
    values = replace(
        MINUTES,
        databases=(DatabaseResult("epns_prod", 212, 99),),
        documents=replace(MINUTES.documents, named=None, sample=0),
        newest_row=None,
        rpo_seconds=None,
    )
    verdicts = [row[3] for row in results(values)]
    assert verdicts[:2] == ["tanpa pembanding"] * 2
    assert verdicts[4:6] == ["tidak diperiksa"] * 2
    assert verdicts[-1] == "tidak dapat ditentukan"


def test_a_drill_of_the_files_alone_does_not_say_that_all_is_proved():
    values = replace(MINUTES, databases=())
    text = compose(values)
    assert text.verdict == "BERHASIL UNTUK BERKAS SAJA"
    assert text.conclusion.endswith("basis data tidak diuji.")
    assert results(values)[0] == ("Basis data", "–", "–", "tidak diuji")
    failed = replace(values, passed=False, problems=("x",))
    assert compose(failed).verdict == "GAGAL"


def test_the_age_of_the_snapshot_stands_for_that_of_the_rows():
    values = replace(MINUTES, newest_row=None)
    assert results(values)[-1][3] == "menurut waktu snapshot"


def test_a_failed_drill_shows_where():
    values = replace(
        MINUTES,
        passed=False,
        problems=("Jumlah baris: tabel lelang",),
        databases=(DatabaseResult("epns_prod", 211, 1_234_567, 212, 1_234_567, 3),),
        documents=replace(MINUTES.documents, files_found=5119, missing=2, sample_wrong=1),
    )
    text = compose(values)
    assert [row.verdict for row in text.results[:6]] == [
        "TIDAK SESUAI",
        # The sum agrees by chance.
        "TIDAK SESUAI: 3 tabel",
        "TIDAK SESUAI",
        "terukur",
        "TIDAK SESUAI",
        "TIDAK SESUAI",
    ]
    assert text.verdict == "GAGAL"
    assert text.findings == ("Jumlah baris: tabel lelang",)
    assert "belum terbukti" in text.conclusion


def test_many_findings_and_databases_keep_to_the_page():
    values = replace(
        MINUTES,
        passed=False,
        problems=tuple(f"temuan {number}" for number in range(1, 41)),
        databases=MINUTES.databases * 9,
    )
    text = compose(values)
    assert len(text.findings) == MOST_FINDINGS + 1
    assert text.findings[-1] == "Dan 35 temuan lain yang tercantum dalam laporan."
    assert [row.subject for row in text.results].count("Basis data epns_prod: tabel") == 3
    assert "6 basis data lain" in [row.subject for row in text.results]


def test_the_day_is_that_of_the_place_where_it_ended():
    values = replace(MINUTES, finished=MINUTES.finished - timedelta(hours=2))
    opening = compose(values).opening
    assert opening.startswith("Pada hari ini Sabtu tanggal dua puluh satu bulan November")
    assert "pukul 23.33 WITA" in opening


def test_a_drill_over_midnight_says_both_days():
    values = replace(MINUTES, started=MINUTES.started - timedelta(hours=1))
    span = {fact.label: fact.text for fact in compose(values).facts}["Waktu pelaksanaan"]
    assert span == (
        "21 November 2026 pukul 23.10 WITA sampai dengan 22 November 2026 pukul 01.33 WITA"
    )


def test_without_witnesses_nobody_witnesses():
    text = compose(replace(MINUTES, witnessed_by=()))
    assert "telah melaksanakan uji restore" in text.opening
    assert [(row.left.name, row.right.name) for row in text.signatures] == [
        ("Budi Contoh, S.Kom.", "")
    ]


def test_who_has_no_nip_gets_a_line_for_it():
    assert compose(MINUTES).signatures[0].right.nip == "NIP " + "." * 30


def test_the_qr_code_is_what_log_verify_reads():
    (found,) = find_checkpoints(qr_content(MINUTES))
    assert (found.origin, found.size, found.root.hex()) == ("lpse-contoh", 15, ROOT)
    assert f"sha256:{REPORT}" in qr_content(MINUTES)


def test_what_is_typed_from_the_paper_is_what_log_verify_reads():
    line = compose(MINUTES).fingerprints[1].text
    (found,) = find_checkpoints(line)
    assert (found.size, found.root.hex()) == (15, ROOT)


@pytest.mark.parametrize("kind", HOSTILE)
def test_all_text_is_one_visible_line(kind):
    text = HOSTILE[kind]
    values = replace(
        MINUTES, passed=False, problems=(text,) * 9, site=text, medium=text, place=text
    )
    for line in texts_of(asdict(compose(values))):
        assert line.isprintable()
        assert len(line) < 600


def texts_of(value):
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for each in value.values():
            yield from texts_of(each)
    else:
        for each in value:
            yield from texts_of(each)


def test_what_did_not_come_back_is_in_the_table_and_no_time_is_claimed_for_it():
    failed = replace(MINUTES, passed=False, problems=("x",), unproved=("epns_arsip", "b", "c", "d"))
    rows = results(failed)
    assert rows[0] == ("Basis data epns_arsip", "pulih", "–", "TIDAK TERBUKTI PULIH")
    # The databases that did come back give their room to those that did not.
    assert rows[3] == (f"{len(MINUTES.databases) + 1} basis data lain", "–", "–", "lihat laporan")
    assert ("Lama pemulihan (RTO)", "–", "1 jam 23 menit", "tidak semuanya pulih") in rows
    nothing = replace(failed, databases=(), documents=None, unproved=())
    assert ("Dokumen: berkas", "pulih", "–", "TIDAK TERBUKTI PULIH") in results(nothing)

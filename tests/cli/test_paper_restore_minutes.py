"""``paper restore-minutes`` as a user meets it: numbers, people, formats, and what is refused."""

import contextlib
import hashlib
import io
import json
import re
import subprocess
from pathlib import Path

import pytest

from lpse_ops.cli.main import run
from lpse_ops.cli.wiring import App
from lpse_ops.ledgercheckpoint import find_checkpoints
from tests.cli.commands import PROGRAM, Ended, clean_environment, lpse_ops
from tests.cli.drill_reports import PAPERS, REPORT, SITE, open_ledger, put_on_record
from tests.documents.samples import png
from tests.documents.strangers import parse_strictly, text_of_pdf


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "state"


@pytest.fixture
def write(tmp_path: Path, state: Path):
    """Run the command in ``tmp_path`` with these settings, in this process."""

    def run_command(*args: str | Path, settings: str = SITE + PAPERS, by: str = "Budi") -> Ended:
        (tmp_path / "lpse-ops.yml").write_text(settings)
        names = ["--by", by] if by else []
        app = App(environment={"LPSE_OPS_STATE": str(state)}, stderr=io.StringIO())
        with contextlib.chdir(tmp_path):
            code = run(["paper", "restore-minutes", *names, *map(str, args)], app)
        return Ended(code, "", app.stderr.getvalue())

    return run_command


def words(path: Path) -> str:
    return " ".join("".join(parse_strictly(path.read_bytes()).words).split())


def checkpoint_line(text: str) -> str:
    """The line that somebody types from the paper."""
    return re.search(r"catatan ke-1: ?(lpse-contoh 1(?: [0-9a-f]{8}){8})", text)[1]


def issued(state: Path) -> list[tuple[str, int | None, str]]:
    facts = [record.facts for record in open_ledger(state).records("paper")]
    return [(each["number"], each["sequence"], each["paper_format"]) for each in facts]


def test_the_newest_drill_becomes_a_pdf_with_a_number(tmp_path, state, write):
    put_on_record(state, "2025-11-01T000000-old.json", rto_seconds=5)
    put_on_record(state)
    ended = write("--witness", "Sari", "-o", "uji.pdf")
    assert ended.code == 0
    assert ended.stderr == "wrote uji.pdf, number 001/LPSE/XI/2025\n"
    text = text_of_pdf(tmp_path / "uji.pdf")
    for sentence in (
        "PEMERINTAH KABUPATEN CONTOH",
        "Nomor: 001/LPSE/XI/2025",
        "Pada hari ini Sabtu tanggal dua puluh dua bulan November",
        "disk-a, disk portabel Disk A (merah)",
        "1 jam 23 menit",
        "dinyatakan BERHASIL",
        "Dasar: Aturan baru Pasal 27.",
        "NIP 19800101 200501 1 001",
        "Kepala LPSE",
    ):
        assert sentence in text
    assert "Aturan lama" not in text
    ledger = open_ledger(state)
    newest = ledger.checkpoints.newest()
    assert newest is not None
    assert newest.size == list(ledger.records())[-1].seq, "the number is signed at once"


def test_the_fingerprints_on_the_paper_are_those_of_report_and_ledger(tmp_path, state, write):
    report = put_on_record(state)
    write("-o", "uji.html")
    text = words(tmp_path / "uji.html")
    assert hashlib.sha256(report.read_bytes()).hexdigest() in text
    (found,) = find_checkpoints(checkpoint_line(text))
    ledger = open_ledger(state)
    assert found == ledger.checkpoints.load(1)
    assert f"sha256sum {report.name}" in text
    # The ledger in turn holds the fingerprint of the paper.
    (record,) = ledger.records("paper")
    assert (
        record.facts["sha256"] == hashlib.sha256((tmp_path / "uji.html").read_bytes()).hexdigest()
    )


def test_log_verify_takes_the_line_that_was_typed_from_the_paper(tmp_path, state, write):
    put_on_record(state)
    write("-o", "uji.html")
    line = checkpoint_line(words(tmp_path / "uji.html"))
    (tmp_path / "typed.txt").write_text(line + "\n")
    args = ["log", "verify", "--checkpoint", tmp_path / "typed.txt"]
    ended = lpse_ops(*args, cwd=tmp_path, env={"LPSE_OPS_STATE": str(state)})
    assert ended.code == 0, ended.stderr
    (tmp_path / "typed.txt").write_text(line[:-1] + ("0" if line[-1] != "0" else "1") + "\n")
    assert lpse_ops(*args, cwd=tmp_path, env={"LPSE_OPS_STATE": str(state)}).code == 1


def test_a_report_keeps_its_number_in_every_format(tmp_path, state, write):
    put_on_record(state)
    for name in ("a.pdf", "b.docx", "c.html", "d.pdf"):
        assert write("-o", name).code == 0
    assert issued(state) == [
        ("001/LPSE/XI/2025", 1, paper_format) for paper_format in ("pdf", "docx", "html")
    ]
    assert (tmp_path / "a.pdf").read_bytes() == (tmp_path / "d.pdf").read_bytes()


def test_the_next_report_gets_the_next_number_and_a_new_year_begins_at_one(state, write):
    first = put_on_record(state)
    second = put_on_record(state, "b.json", rto_seconds=1)
    year = {
        key: REPORT[key].replace("2025-11-2", "2026-01-0")
        for key in ("started", "finished", "snapshot_time")
    }
    third = put_on_record(state, "c.json", **year)
    for report in (first, second, third, first):
        assert write("--report", report, "-o", "a.html").code == 0
    assert [number for number, _, _ in issued(state)] == [
        "001/LPSE/XI/2025",
        "002/LPSE/XI/2025",
        "001/LPSE/I/2026",
    ]


def test_papers_written_at_the_same_time_get_different_numbers(tmp_path, state):
    (tmp_path / "lpse-ops.yml").write_text(SITE + PAPERS)
    reports = [put_on_record(state, f"{number}.json", rto_seconds=number) for number in range(4)]
    environment = clean_environment() | {"LPSE_OPS_STATE": str(state)}
    words_of_command = ["paper", "restore-minutes", "--by", "Budi", "--report"]
    running = [
        subprocess.Popen(
            [*PROGRAM, *words_of_command, report, "-o", report.with_suffix(".html")],
            cwd=tmp_path,
            env=environment,
        )
        for report in reports
    ]
    assert [process.wait(60) for process in running] == [0] * 4
    assert sorted(sequence for _, sequence, _ in issued(state)) == [1, 2, 3, 4]
    for report in reports:
        assert len(parse_strictly(report.with_suffix(".html").read_bytes()).words) > 20


def test_a_number_of_the_secretariat_is_taken_as_it_is_but_never_twice(state, write):
    first, second = put_on_record(state), put_on_record(state, "b.json", rto_seconds=1)
    assert write("--report", first, "--paper-number", "555.3/001/2026", "-o", "a.html").code == 0
    ended = write("--report", second, "--paper-number", "555.3/001/2026", "-o", "b.html")
    assert ended.code == 2
    assert "the number 555.3/001/2026 is that of another paper" in ended.stderr
    assert "lpse-ops log show --kind paper" in ended.stderr
    assert issued(state) == [("555.3/001/2026", None, "html")]


@pytest.mark.parametrize("number", ["", "  ", "..."])
def test_a_blank_number_is_refused(tmp_path, state, write, number):
    put_on_record(state)
    ended = write("--paper-number", number, "-o", "a.html")
    assert ended.code == 2
    assert "blank" in ended.stderr
    assert not (tmp_path / "a.html").exists()


def test_a_drill_that_failed_by_a_row_of_1970_has_its_paper(tmp_path, state, write):
    problem = {"check": "age", "what": "the snapshot", "expected": "x", "found": "y"}
    put_on_record(
        state, status="failed", problems=[problem], newest_row="1970-01-01T08:00:00+08:00"
    )
    assert write("-o", "a.html").code == 0
    assert "GAGAL" in (tmp_path / "a.html").read_text()


def test_without_pattern_and_number_there_is_no_paper(state, write):
    put_on_record(state)
    ended = write("-o", "a.html", settings=SITE)
    assert ended.code == 2
    assert "the paper has no number" in ended.stderr
    assert "papers.number_pattern" in ended.stderr


def test_what_all_sites_have_in_common_is_the_basis_without_settings(tmp_path, state, write):
    put_on_record(state)
    assert write("--paper-number", "1", "-o", "a.html", settings=SITE).code == 0
    text = words(tmp_path / "a.html")
    assert "Dasar: Service Level Agreement antara LKPP dan LPSE, katalog layanan 15.a" in text
    assert "LPSE Kabupaten Contoh BERITA ACARA" in text


@pytest.mark.parametrize(
    ("by", "more", "said"),
    [
        ("", [], "who carried the drill out?"),
        ("Tini", [], "'Tini' is none of people in the settings"),
        ("contoh,", [], "more than one"),
        ("Budi", ["--witness", "budi contoh, s.kom."], "nobody signs twice"),
    ],
)
def test_people_are_those_of_the_settings(state, write, by, more, said):
    put_on_record(state)
    ended = write("-o", "a.html", *more, by=by)
    assert ended.code == 2
    assert said in ended.stderr


def test_without_people_nobody_can_sign(state, write):
    put_on_record(state)
    settings = SITE.partition("people:")[0] + PAPERS
    ended = write("-o", "a.html", settings=settings)
    assert ended.code == 2
    assert "people in lpse-ops.yml" in ended.stderr


def test_findings_are_said_in_indonesian(tmp_path, state, write):
    finding = {"check": "rows", "what": "table lelang of epns_prod"}
    finding |= {"expected": "5 rows", "found": "no such table", "message": "x"}
    changes = {"databases_unproved": ["epns_arsip"], "status": "failed"}
    put_on_record(state, **changes, problems=[finding, "plain"])
    assert write("-o", "a.html").code == 0
    text = words(tmp_path / "a.html")
    assert (
        "Jumlah baris: tabel lelang dari epns_prod, seharusnya 5 baris, ditemukan tidak ada tabel"
        in text
    )
    assert "plain" in text
    for words_of_a_cell in (
        "Basis data epns_arsip",
        "TIDAK TERBUKTI PULIH",
        "tidak semuanya pulih",
    ):
        assert words_of_a_cell in text
    assert "dinyatakan GAGAL" in text


def test_a_report_that_was_changed_makes_no_paper(tmp_path, state, write):
    report = put_on_record(state)
    report.write_text(report.read_text().replace("4980", "10"))
    ended = write("-o", "a.html")
    assert ended.code == 1
    assert "the ledger does not know the report" in ended.stderr
    assert not (tmp_path / "a.html").exists()
    assert issued(state) == []


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is not the report of a drill"),
        (b"[" * 100_000, "is not the report of a drill"),
        (b"{}", "does not begin with the schema"),
        (json.dumps({"schema": REPORT["schema"]}).encode(), "'documents' is missing"),
        (json.dumps(REPORT | {"rto_seconds": -1}).encode(), "'-1' is no count"),
        (json.dumps(REPORT | {"rto_seconds": 1.5}).encode(), "'1.5' is no count"),
        (json.dumps(REPORT | {"started": "2025-11-22"}).encode(), "no time with its zone"),
        (json.dumps(REPORT | {"snapshot": 5}).encode(), "'5' is no text"),
        (json.dumps(REPORT | {"medium": []}).encode() + b"x", "is not the report of a drill"),
        (json.dumps(REPORT | {"medium": [5]}).encode(), "is not the report of a drill"),
        (json.dumps(REPORT | {"databases": [5]}).encode(), "is not the report of a drill"),
    ],
    ids=range(11),
)
def test_a_file_that_is_no_report_is_refused(tmp_path, state, write, content, said):
    (tmp_path / "x.json").write_bytes(content)
    ended = write("--report", "x.json", "-o", "a.html")
    assert ended.code == 1
    assert said in ended.stderr


def test_a_paper_that_could_not_be_written_keeps_its_number(tmp_path, state, write):
    put_on_record(state)
    (tmp_path / "full.html").symlink_to("/dev/full")
    ended = write("-o", "full.html")
    assert ended.code == 1
    assert "cannot write full.html" in ended.stderr
    assert write("-o", "a.html").code == 0
    assert issued(state) == [("001/LPSE/XI/2025", 1, "html")]
    (record,) = open_ledger(state).records("paper")
    content = (tmp_path / "a.html").read_bytes()
    assert record.facts["sha256"] == hashlib.sha256(content).hexdigest()


def test_a_drill_that_ends_in_the_future_makes_no_paper(state, write):
    put_on_record(state, finished="2999-11-22T01:33:20+08:00")
    ended = write("-o", "a.html")
    assert ended.code == 1
    assert "in the future" in ended.stderr
    assert issued(state) == []


def test_no_drill_no_paper(write):
    ended = write("-o", "a.html")
    assert ended.code == 2
    assert "lpse-ops backup drill" in ended.stderr


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["-o", "a.odt"], "does not say in which format"),
        (["-o", "none/a.html"], "there is no folder none"),
        (["-o", "a.pdf", "--paper-template", "t.docx"], "a Word template cannot make a.pdf"),
        (["-o", "a.docx", "--paper-template", "none.docx"], "cannot read the template none.docx"),
        (["-o", "a.docx", "--paper-template", "lpse-ops.yml"], "is not a DOCX file"),
    ],
)
def test_what_cannot_be_written_is_said_before_a_number_is_taken(state, write, args, said):
    put_on_record(state)
    ended = write(*args)
    assert ended.code in (1, 2)
    assert said in ended.stderr
    assert issued(state) == []


def test_a_logo_stands_in_the_letterhead(tmp_path, state, write):
    put_on_record(state)
    (tmp_path / "logo.png").write_bytes(png(20, 20))
    settings = f"{SITE}{PAPERS}  logo: logo.png\n"
    assert write("-o", "a.html", settings=settings).code == 0
    assert b'<img src="data:image/png;base64,iVBOR' in (tmp_path / "a.html").read_bytes()
    (tmp_path / "logo.png").unlink()
    ended = write("-o", "a.html", settings=settings)
    assert ended.code == 1
    assert "papers.logo" in ended.stderr


def test_the_template_of_the_site_is_written_changed_and_used(tmp_path, state, write):
    from docx import Document

    put_on_record(state)
    assert lpse_ops("paper", "template", "--output", tmp_path / "kop.docx").code == 0
    document = Document(str(tmp_path / "kop.docx"))
    document.add_paragraph("Tembusan: Inspektorat Kabupaten Contoh")
    document.save(str(tmp_path / "kop.docx"))
    assert write("-o", "a.docx", "--paper-template", "kop.docx").code == 0
    text = [paragraph.text for paragraph in Document(str(tmp_path / "a.docx")).paragraphs]
    assert "Tembusan: Inspektorat Kabupaten Contoh" in text
    assert "Nomor: 001/LPSE/XI/2025" in text

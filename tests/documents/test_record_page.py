"""The page in its four formats, read by programs that we did not write."""

import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from lpse_ops.documents.paper_parts import Fact, checkpoint_line
from lpse_ops.documents.record_page import (
    MOST_FACTS,
    MOST_NOTES,
    MOST_RECORDS,
    MOST_ROWS,
    MOST_SECTIONS,
    LedgerLine,
    Row,
    Section,
    compose,
    qr_content,
)
from lpse_ops.documents.record_page_files import FORMATS, render_record_page
from lpse_ops.documents.values import LedgerMark, Letterhead, Signatory
from lpse_ops.documents.word_record_page import record_page_template
from lpse_ops.errors import PaperError
from tests.documents.record_samples import LINES, LONG, PAGE, SENTENCES
from tests.documents.samples import HOSTILE, ROOT
from tests.documents.strangers import (
    convert_to_pdf,
    missing_packages,
    pages_of_pdf,
    parse_strictly,
    plain,
    qr_codes_of_pdf,
    text_of_pdf,
    without_blanks,
)

# LibreOffice is started once, for all of them.
pytestmark = pytest.mark.xdist_group("libreoffice")


def hostile(text: str):
    """A page in which every text is the same one."""
    row = Row(text, text, text, text, text)
    section = Section(text, (Fact(text, text),) * 3, row, (row,) * 3, (text,) * 3)
    return replace(
        PAGE,
        title=text,
        number=text,
        site=text,
        place=text,
        letterhead=Letterhead((text,) * 4, text),
        sections=(section, PAGE.sections[1]),
        ledger=LedgerMark(text, 1, 1, ROOT),
        signatories=((text, Signatory(text, text, text)),) * 2,
        verify=(text,),
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All pages in all formats, the DOCX files as PDF beside them, too."""
    if missing := missing_packages():
        pytest.skip(f"apt-get install {' '.join(missing)}")
    folder = tmp_path_factory.mktemp("pages")
    pages = {"good": PAGE, "long": LONG}
    pages |= {f"hostile-{kind}": hostile(text) for kind, text in HOSTILE.items()}
    for name, page in pages.items():
        for page_format in FORMATS:
            path = folder / f"{name}.{page_format}"
            path.write_bytes(render_record_page(page, page_format))
    (folder / "word").mkdir()
    convert_to_pdf(sorted(folder.glob("*.docx")), folder / "word")
    return folder


def texts_of(folder: Path, name: str) -> list[str]:
    html = parse_strictly((folder / f"{name}.html").read_bytes())
    return [
        text_of_pdf(folder / f"{name}.pdf"),
        text_of_pdf(folder / f"word/{name}.pdf"),
        plain("".join(html.words)),
        plain((folder / f"{name}.txt").read_text()),
    ]


@pytest.mark.parametrize("sentence", SENTENCES, ids=range(len(SENTENCES)))
def test_each_sentence_is_in_all_formats(folder, sentence):
    for text in texts_of(folder, "good"):
        assert without_blanks(sentence) in without_blanks(text)


def test_a_short_page_is_one_sheet_and_a_long_one_says_which_sheet_it_is(folder):
    for name in ("good.pdf", "word/good.pdf"):
        assert pages_of_pdf(folder / name) == 1
    assert pages_of_pdf(folder / "long.pdf") >= 2
    assert "Halaman 1 dari 2" in text_of_pdf(folder / "long.pdf")


@pytest.mark.parametrize("name", ["good.pdf", "word/good.pdf"])
def test_a_phone_reads_checkpoint_and_fingerprint(folder, tmp_path, name):
    assert qr_codes_of_pdf(folder / name, tmp_path) == f"{qr_content(PAGE)}\n"
    assert qr_content(PAGE).endswith(f"\nsha256:{LINES[-1].sha256}")


@pytest.mark.parametrize("kind", HOSTILE)
def test_no_text_breaks_out(folder, kind):
    texts = texts_of(folder, f"hostile-{kind}")
    for text in texts:
        # What comes after the text is there: nothing was swallowed.
        assert "GAGAL (1)" in text
        assert without_blanks(LINES[-1].sha256) in without_blanks(text)
    assert "1337" not in "".join(texts)
    html = parse_strictly((folder / f"hostile-{kind}.html").read_bytes())
    assert "script" not in html.tags
    assert html.addresses == []


@pytest.mark.parametrize("page_format", FORMATS)
def test_the_same_values_give_the_same_bytes_and_others_do_not(folder, page_format):
    content = (folder / f"good.{page_format}").read_bytes()
    assert render_record_page(PAGE, page_format) == content
    assert render_record_page(replace(PAGE, number="2026-0002"), page_format) != content


def test_the_pdf_is_made_to_be_kept(folder):
    checked = subprocess.run(["qpdf", "--check", folder / "long.pdf"], capture_output=True)
    assert checked.returncode == 0, checked
    assert b"<pdfaid:part>2</pdfaid:part>" in (folder / "long.pdf").read_bytes()


def test_plain_text_keeps_to_80_columns(folder):
    lines = (folder / "good.txt").read_text().splitlines()
    # The line of the checkpoint is typed as it is.
    assert [line for line in lines if len(line) > 80] == [f"  {checkpoint_line(PAGE.ledger)}"]
    assert "No  Langkah               Mulai     Lama     Hasil" in lines
    assert "1   stop the application  14.00.01  8 detik  ok" in lines
    assert "    | migration stopped" in lines
    assert "Pemohon                 : Sari Contoh, S.H." in lines


def test_a_page_is_bounded_whatever_it_is_made_of():
    section = PAGE.sections[1]
    many = replace(
        PAGE,
        sections=(replace(section, facts=section.facts * 99, rows=section.rows * 99),) * 99,
        lines=tuple(LedgerLine(number, "ab" * 32) for number in range(99)),
    )
    text = compose(many)
    assert len(text.sections) == MOST_SECTIONS
    assert len(text.sections[0].facts) == MOST_FACTS
    assert len(text.sections[0].rows) == MOST_ROWS
    assert len(text.fingerprints) == MOST_RECORDS + 1
    notes = compose(replace(PAGE, sections=(Section("x", notes=tuple("abcdefghijklmnop")),)))
    assert "".join(notes.sections[0].notes) == "efghijklmnop"
    assert len(notes.sections[0].notes) == MOST_NOTES


def test_what_is_empty_has_a_dash():
    assert compose(PAGE).sections[0].facts[1] == Fact("Dampak", "–")


@pytest.mark.parametrize("empty", [{"sections": ()}, {"lines": ()}])
def test_of_nothing_there_is_no_page(empty):
    with pytest.raises(PaperError) as caught:
        render_record_page(replace(PAGE, **empty), "txt")
    assert "lpse-ops spse change list" in caught.value.hint


def test_our_word_template_is_always_the_same():
    assert record_page_template() == record_page_template()

"""The paper in its three formats, read by programs that we did not write."""

import subprocess
import sys
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from lpse_ops.documents.restore_minutes import FORMATS, render_restore_minutes
from lpse_ops.documents.restore_minutes_text import qr_content
from lpse_ops.documents.values import DatabaseResult, LedgerMark, Letterhead, Signatory
from lpse_ops.errors import PaperError, UsageError
from tests.documents.samples import HOSTILE, MINUTES, REPORT, ROOT, SENTENCES, png
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

FAILED = replace(
    MINUTES,
    passed=False,
    problems=tuple(f"Berkas: dok/penawaran-{number}.rhs" for number in range(7)),
    letterhead=replace(MINUTES.letterhead, logo=png(40, 60)),
    witnessed_by=(Signatory("Sari", "Kepala LPSE"), Signatory("Tini", "Inspektorat")),
    carried_out_by=(Signatory("Budi", "Pengelola"), Signatory("Wati", "Pengelola")),
    databases=(DatabaseResult("epns_prod", 212, 99, 212, 100, 1),) * 5,
)


def hostile(text: str):
    """A paper in which every text is the same one."""
    return replace(
        FAILED,
        site=text,
        place=text,
        destination=text,
        medium=text,
        kept_at=text,
        problems=(text,) * 9,
        letterhead=Letterhead((text,) * 4, text),
        carried_out_by=(Signatory(text, text, text),),
        witnessed_by=(Signatory(text, text),),
        databases=(DatabaseResult(text, 1, 1),) * 5,
        unproved=(text,),
        ledger=LedgerMark(text, 1, 1, ROOT),
        legal_basis=(text,),
        verify=(text,),
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All papers in all formats, the DOCX files as PDF beside them, too."""
    if missing := missing_packages():
        pytest.skip(f"apt-get install {' '.join(missing)}")
    folder = tmp_path_factory.mktemp("papers")
    papers = {"good": MINUTES, "failed": FAILED}
    papers |= {f"hostile-{kind}": hostile(text) for kind, text in HOSTILE.items()}
    for name, values in papers.items():
        for paper_format in FORMATS:
            path = folder / f"{name}.{paper_format}"
            path.write_bytes(render_restore_minutes(values, paper_format))
    (folder / "word").mkdir()
    convert_to_pdf(sorted(folder.glob("*.docx")), folder / "word")
    return folder


@pytest.mark.parametrize("sentence", SENTENCES, ids=range(len(SENTENCES)))
def test_each_sentence_is_in_all_formats(folder, sentence):
    wanted = without_blanks(sentence)
    for path in (folder / "good.pdf", folder / "word/good.pdf"):
        assert wanted in without_blanks(text_of_pdf(path)), path
    words = parse_strictly((folder / "good.html").read_bytes()).words
    assert wanted in without_blanks("".join(words))


@pytest.mark.parametrize("name", ["good", "failed"])
def test_it_is_one_page(folder, name):
    assert pages_of_pdf(folder / f"{name}.pdf") == 1
    assert pages_of_pdf(folder / f"word/{name}.pdf") == 1


@pytest.mark.parametrize("name", ["good.pdf", "failed.pdf", "word/good.pdf", "word/failed.pdf"])
def test_a_phone_reads_the_fingerprints(folder, tmp_path, name):
    assert qr_codes_of_pdf(folder / name, tmp_path) == f"{qr_content(MINUTES)}\n"


def test_a_failed_drill_says_so_in_all_formats(folder):
    texts = [text_of_pdf(folder / "failed.pdf"), text_of_pdf(folder / "word/failed.pdf")]
    html = parse_strictly((folder / "failed.html").read_bytes())
    texts.append(plain("".join(html.words)))
    for text in texts:
        for words in ("GAGAL", "penawaran-4.rhs", "Dan 2 temuan lain", "Inspektorat"):
            assert words in text
        assert "BERHASIL" not in text
    assert [address[:22] for address in html.addresses] == ["data:image/png;base64,"]


@pytest.mark.parametrize("kind", HOSTILE)
def test_no_text_breaks_out(folder, kind):
    name = f"hostile-{kind}"
    assert pages_of_pdf(folder / f"{name}.pdf") <= 2
    assert pages_of_pdf(folder / f"word/{name}.pdf") <= 3
    texts = [text_of_pdf(folder / f"{name}.pdf"), text_of_pdf(folder / f"word/{name}.pdf")]
    html = parse_strictly((folder / f"{name}.html").read_bytes())
    texts.append(plain("".join(html.words)))
    for text in texts:
        # What comes after the text is there: nothing was swallowed.
        assert "Demikian Berita Acara ini dibuat" in text
        assert without_blanks(REPORT) in without_blanks(text)
        assert "GAGAL" in text
    assert "script" not in html.tags
    assert "1337" not in "".join(texts)


@pytest.mark.parametrize("kind", ["typst", "jinja", "xml"])
def test_markup_stands_in_the_paper_as_it_was_given(folder, kind):
    name = f"hostile-{kind}"
    wanted = without_blanks(HOSTILE[kind])
    html = parse_strictly((folder / f"{name}.html").read_bytes())
    assert wanted in without_blanks("".join(html.words))
    assert wanted in without_blanks(text_of_pdf(folder / f"{name}.pdf"))
    # docxtpl takes {_{ for {{, and nothing else.
    wanted = wanted.replace("{_{", "{{").replace("}_}", "}}")
    assert wanted in without_blanks(text_of_pdf(folder / f"word/{name}.pdf"))


def test_what_the_fonts_of_the_pdf_lack_is_named(folder):
    assert "[U+6F22][U+5B57]" in text_of_pdf(folder / "hostile-other scripts.pdf")
    assert "漢字" in text_of_pdf(folder / "word/hostile-other scripts.pdf")


@pytest.mark.parametrize("paper_format", FORMATS)
def test_the_same_values_give_the_same_bytes(folder, paper_format):
    """In another process, at another time."""
    code = (
        "import sys; from lpse_ops.documents.restore_minutes import render_restore_minutes as r\n"
        "from tests.documents.test_restore_minutes import FAILED\n"
        f"sys.stdout.buffer.write(r(FAILED, {paper_format!r}))"
    )
    root = Path(__file__).parents[2]
    again = subprocess.run(
        [sys.executable, "-c", code],
        cwd=root,
        env={"PYTHONHASHSEED": "7", "TZ": "Asia/Tokyo", "PATH": "/usr/bin:/bin"},
        check=True,
        capture_output=True,
    )
    assert again.stdout == (folder / f"failed.{paper_format}").read_bytes()


@pytest.mark.parametrize("paper_format", FORMATS)
def test_other_values_give_other_bytes(folder, paper_format):
    other = replace(MINUTES, rto_seconds=MINUTES.rto_seconds + 60)
    content = render_restore_minutes(other, paper_format)
    assert content != (folder / f"good.{paper_format}").read_bytes()


def test_the_pdf_is_made_to_be_kept(folder):
    checked = subprocess.run(["qpdf", "--check", folder / "good.pdf"], capture_output=True)
    assert checked.returncode == 0, checked
    content = (folder / "good.pdf").read_bytes()
    assert b"<pdfaid:part>2</pdfaid:part>" in content
    assert b"<pdfaid:conformance>B</pdfaid:conformance>" in content
    fonts = subprocess.run(["pdffonts", folder / "good.pdf"], check=True, capture_output=True)
    for line in fonts.stdout.decode().splitlines()[2:]:
        assert line.split()[-5] == "yes", f"not in the file: {line}"


def test_the_html_loads_nothing_and_runs_nothing(folder):
    html = parse_strictly((folder / "good.html").read_bytes())
    assert html.addresses == []
    assert html.tags.isdisjoint({"script", "iframe", "object", "link", "form"})
    assert b"default-src 'none'" in (folder / "good.html").read_bytes()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"finished": MINUTES.started - timedelta(seconds=1)}, "ended before it began"),
        ({"snapshot_time": MINUTES.started + timedelta(days=1, seconds=1)}, "taken after it"),
        ({"problems": ("x",)}, "succeeded and has findings"),
        ({"passed": False}, "failed without a finding"),
        ({"carried_out_by": ()}, "nobody carried the drill out"),
        ({"letterhead": Letterhead(("A",), logo=b"GIF89a")}, "must be a PNG file"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_values_that_contradict_each_other_make_no_paper(change, said):
    with pytest.raises(PaperError, match=said):
        render_restore_minutes(replace(MINUTES, **change), "html")


def test_a_paper_without_a_number_is_not_made():
    with pytest.raises(UsageError, match="blank"):
        render_restore_minutes(replace(MINUTES, number=" "), "html")


def test_a_word_template_is_for_word():
    with pytest.raises(PaperError, match="cannot make a paper in PDF"):
        render_restore_minutes(MINUTES, "pdf", template=b"PK")


@pytest.mark.parametrize(
    ("library", "paper_format", "made"),
    [("typst", "pdf", False), ("docxtpl", "docx", False), ("typst", "html", True)],
)
def test_a_missing_library_is_named(library, paper_format, made):
    code = (
        f"import sys; sys.modules[{library!r}] = None\n"
        "from lpse_ops.documents.restore_minutes import render_restore_minutes as render\n"
        "from lpse_ops.errors import PaperError\n"
        "from tests.documents.samples import MINUTES\n"
        f"try: render(MINUTES, {paper_format!r})\n"
        "except PaperError as error: print(error.message, error.hint)"
    )
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", code], cwd=root, check=True, capture_output=True)
    said = done.stdout.decode()
    if made:
        assert said == ""
    else:
        assert f"needs the library {library}" in said
        # Not the system's pip, which refuses or installs elsewhere.
        assert f"{sys.prefix}/bin/pip install 'lpse-ops[documents]'" in said

"""Word templates that may come from anyone, filled by a process with limits."""

import io

import pytest
from docx import Document

from lpse_ops.documents.restore_minutes import render_restore_minutes
from lpse_ops.documents.word import (
    Picture,
    WordPaper,
    fill_foreign_template,
    parse_request,
    render_request,
)
from lpse_ops.documents.word_package import read_parts, write_parts
from lpse_ops.documents.word_template import restore_minutes_template
from lpse_ops.errors import PaperError
from tests.documents.samples import MINUTES, png


def letter(*paragraphs: str) -> bytes:
    """A file as Word makes it, with headers, styles and properties, by python-docx."""
    document = Document()
    document.sections[0].header.paragraphs[0].text = "KOP SURAT {{ site }}"
    for text in paragraphs:
        document.add_paragraph(text)
    stream = io.BytesIO()
    document.save(stream)
    return stream.getvalue()


def words(content: bytes) -> str:
    document = Document(io.BytesIO(content))
    header = document.sections[0].header.paragraphs
    return "\n".join(paragraph.text for paragraph in [*header, *document.paragraphs])


def fill(template: bytes) -> bytes:
    return render_restore_minutes(MINUTES, "docx", template=template)


def test_the_letterhead_of_the_lpse_is_used():
    template = letter("Nomor {{ number }}", "{{ opening }}", "{{ qr }}", "{{ verdict }}")
    content = fill(template)
    text = words(content)
    assert "KOP SURAT LPSE Kabupaten Contoh" in text
    assert "Nomor 007/LPSE.Contoh/XI/2026" in text
    assert "Pada hari ini Minggu" in text
    assert len(Document(io.BytesIO(content)).inline_shapes) == 1
    assert content == fill(template)


def test_lists_are_repeated():
    template = letter("{%p for fact in facts %}", "{{ fact.label }}!", "{%p endfor %}")
    assert "Tujuan cadangan!\nTempat penyimpanan!" in words(fill(template))


def test_our_own_template_comes_back_filled_as_without_it():
    assert fill(restore_minutes_template()) == render_restore_minutes(MINUTES, "docx")


@pytest.mark.parametrize(
    ("paragraph", "said"),
    [
        ("{{ number.__class__.__mro__ }}", "'__mro__'"),
        ("{{ qr.tpl.docx }}", "'docx'"),
        ("{{ nomor }}", "unknown field 'nomor'"),
        ("{{ number", "cannot be filled"),
        ("{% for fact in facts %}", "cannot be filled"),
        ("{{ 'a' * 999999999 }}", "'mul'"),
    ],
)
def test_a_template_that_breaks_the_rules_is_refused(paragraph, said):
    with pytest.raises(PaperError) as caught:
        fill(letter(paragraph))
    assert said in caught.value.message


def test_a_part_that_is_no_xml_is_refused():
    parts = read_parts(letter("x"), "x")
    with pytest.raises(PaperError, match="cannot be filled"):
        fill(write_parts(parts | {"word/document.xml": b"\x00 not XML"}))


@pytest.mark.parametrize("mode", ["External", "&#69;xternal", "&#x45;xternal"])
def test_a_template_that_loads_from_elsewhere_is_refused(mode):
    parts = read_parts(letter("x"), "x")
    name = "word/_rels/document.xml.rels"
    office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    relation = (
        f'<Relationship Id="rId99" Type="{office}/attachedTemplate" '
        f'Target="http://203.0.113.1/x.dotm" TargetMode="{mode}"/></Relationships>'
    )
    changed = parts[name].replace(b"</Relationships>", relation.encode())
    assert changed != parts[name]
    with pytest.raises(PaperError, match="from elsewhere"):
        fill(write_parts(parts | {name: changed}))


def test_a_file_that_takes_too_long_is_stopped():
    # docxtpl looks for the end of each of these in all that follows.
    parts = read_parts(letter("MARK"), "x")
    slow = parts["word/document.xml"].replace(b"MARK", b"{%p x" * 400_000)
    template = write_parts(parts | {"word/document.xml": slow})
    with pytest.raises(PaperError) as caught:
        fill_foreign_template(template, WordPaper({}, {}, MINUTES.finished), seconds=1)
    assert "more time or memory" in caught.value.message


def test_a_request_is_read_back_as_it_was_made():
    paper = WordPaper({"a": ["b", {"c": "é"}]}, {"qr": Picture(png(2, 2), 19)}, MINUTES.finished)
    assert parse_request(render_request(b"PK\x00", paper)) == (b"PK\x00", paper)

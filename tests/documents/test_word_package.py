import io
import zipfile

import pytest

from lpse_ops.documents.word_package import (
    LARGEST_FILE,
    LARGEST_PARTS,
    check_parts,
    read_parts,
    write_parts,
)
from lpse_ops.documents.word_template import restore_minutes_template
from lpse_ops.errors import PaperError

PARTS = {"[Content_Types].xml": b"<Types/>", "word/document.xml": b"<w/>"}
RELATION = (
    '<Relationships><Relationship Id="rId1" TargetMode="External" '
    'Target="http://203.0.113.1/x" Type="{type}"/></Relationships>'
)
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"


def test_what_is_written_is_read_back_and_always_the_same():
    content = write_parts(dict(reversed(PARTS.items())))
    assert content == write_parts(PARTS)
    assert read_parts(content, "x") == PARTS
    with zipfile.ZipFile(io.BytesIO(content)) as package:
        assert package.namelist()[0] == "[Content_Types].xml"
        assert {entry.date_time[0] for entry in package.infolist()} == {1980}


def test_our_own_template_is_always_the_same_and_acceptable():
    content = restore_minutes_template()
    assert content == restore_minutes_template()
    check_parts(read_parts(content, "x"), "x")


def forged(change) -> bytes:
    content = bytearray(write_parts(PARTS))
    change(content)
    return bytes(content)


def with_size(content: bytearray) -> None:
    """The central directory claims that the first part unpacks to more than 32 MiB."""
    at = content.index(b"PK\x01\x02")
    content[at + 24 : at + 28] = (LARGEST_PARTS + 1).to_bytes(4, "little")


def with_damage(content: bytearray) -> None:
    content[60] ^= 255


def encrypted(content: bytearray) -> None:
    for mark, offset in ((b"PK\x01\x02", 8), (b"PK\x03\x04", 6)):
        content[content.index(mark) + offset] |= 1


def of_many_parts() -> bytes:
    return write_parts({f"word/{number}.xml": b"" for number in range(400)})


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "not a DOCX file"),
        (b"%PDF-1.7", "not a DOCX file"),
        (write_parts(PARTS)[:-30], "not a DOCX file"),
        (forged(with_size), "unpacks to more"),
        (forged(with_damage), "is"),
        (forged(encrypted), "not a DOCX file"),
        (of_many_parts(), "unpacks to more"),
        (b"PK" + bytes(LARGEST_FILE), "larger than 8 MiB"),
    ],
    ids=["empty", "PDF", "cut", "bomb", "damaged", "encrypted", "many", "large"],
)
def test_what_is_no_letter_is_refused(content, said):
    with pytest.raises(PaperError) as caught:
        read_parts(content, "kop.docx")
    assert "kop.docx" in caught.value.message
    assert said in caught.value.message


@pytest.mark.parametrize(
    ("added", "said"),
    [
        ({"word/vbaProject.bin": b""}, "would run"),
        ({"word/embeddings/oleObject1.bin": b""}, "would run"),
        ({"word/activeX/activeX1.xml": b""}, "would run"),
        ({"word/_rels/settings.xml.rels": RELATION.format(type=f"{OFFICE}/attachedTemplate")},
         "from elsewhere"),
        ({"word/_rels/document.xml.rels": RELATION.format(type=f"{OFFICE}/image")},
         "from elsewhere"),
        ({"word/_rels/document.xml.rels":
          RELATION.format(type=f"{OFFICE}/image").encode("utf-16")}, "from elsewhere"),
        ({"word/document.xml": "<!DOCTYPE a [<!ENTITY b 'c'>]><w/>"}, "document type"),
        ({"word/document.xml": "<!DOCTYPE a><w/>".encode("utf-16")}, "document type"),
    ],
    ids=["macro", "OLE", "ActiveX", "template", "image", "image UTF-16", "entity", "UTF-16"],
)  # fmt: skip
def test_what_would_reach_out_or_run_is_refused(added, said):
    parts = PARTS | {
        name: text.encode() if isinstance(text, str) else text for name, text in added.items()
    }
    with pytest.raises(PaperError) as caught:
        check_parts(parts, "kop.docx")
    assert said in caught.value.message


def test_a_link_to_the_website_in_the_letterhead_is_fine():
    relations = RELATION.format(type=f"{OFFICE}/hyperlink").encode()
    check_parts(PARTS | {"word/_rels/document.xml.rels": relations}, "kop.docx")


@pytest.mark.parametrize("missing", PARTS)
def test_a_zip_file_is_not_yet_a_word_document(missing):
    parts = {name: content for name, content in PARTS.items() if name != missing}
    with pytest.raises(PaperError, match="not a Word document"):
        check_parts(parts, "kop.zip")

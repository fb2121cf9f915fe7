"""What our own Word templates are built of: paragraphs, tables, styles and the package around.

No binary file to keep, and the same bytes every time.  Fields of docxtpl may stand in any text.
"""

from collections.abc import Iterable
from xml.sax.saxutils import escape

from lpse_ops.documents.word_package import write_parts

_W = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
_DECLARATION = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
_TYPE = "application/vnd.openxmlformats-officedocument.wordprocessingml"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
# Widths in twentieths of a point; the text is 16.6 cm wide.
_PAGE = (
    '<w:sectPr><w:pgSz w:w="11906" w:h="16838"/><w:pgMar w:top="680" w:right="1247" '
    'w:bottom="624" w:left="1247" w:header="400" w:footer="400" w:gutter="0"/></w:sectPr>'
)
_BORDERS = ("top", "left", "bottom", "right", "insideH", "insideV")


def word_file(body: Iterable[str]) -> bytes:
    """Return the DOCX file of a body of paragraphs and tables."""
    document = f'<w:document xmlns:w="{_W}"><w:body>{"".join(body)}{_PAGE}</w:body></w:document>'
    return write_parts(
        {
            "[Content_Types].xml": (_DECLARATION + _CONTENT_TYPES).encode(),
            "_rels/.rels": (_DECLARATION + _RELATIONS).encode(),
            "docProps/core.xml": (_DECLARATION + _PROPERTIES).encode(),
            "word/_rels/document.xml.rels": (_DECLARATION + _DOCUMENT_RELATIONS).encode(),
            "word/document.xml": (_DECLARATION + document).encode(),
            "word/styles.xml": (_DECLARATION + _styles()).encode(),
        }
    )


def paragraph(text: str = "", style: str = "Body", *, bold: str = "", more: str = "") -> str:
    runs = _run(text) + _run(bold, "<w:rPr><w:b/></w:rPr>") + _run(more)
    return f'<w:p><w:pPr><w:pStyle w:val="{_PREFIX}{style}"/></w:pPr>{runs}</w:p>'


def _run(text: str, properties: str = "") -> str:
    if not text:
        return ""
    return f'<w:r>{properties}<w:t xml:space="preserve">{escape(text)}</w:t></w:r>'


def lines(name: str, field: str, style: str, text: str) -> list[str]:
    """A paragraph for each of a list."""
    return [
        paragraph(f"{{%p for {name} in {field} %}}", style),
        paragraph(text, style),
        paragraph("{%p endfor %}", style),
    ]


def repeated(name: str, field: str, texts: list[str], styles: list[str] | None = None) -> list[str]:
    """A row of a table for each of a list."""
    cells = [
        paragraph(text, style)
        for text, style in zip(texts, styles or ["Cell"] * len(texts), strict=True)
    ]
    return repeated_cells(name, field, cells)


def repeated_cells(name: str, field: str, cells: list[str]) -> list[str]:
    begin = [paragraph(f"{{%tr for {name} in {field} %}}", "Cell")]
    end = [paragraph("{%tr endfor %}", "Cell")]
    blank = [paragraph("", "Cell")] * (len(cells) - 1)
    return [row(begin + blank), row(cells), row(end + blank)]


def row(cells: Iterable[str]) -> str:
    content = "".join(f"<w:tc><w:tcPr/>{cell}</w:tc>" for cell in cells)
    return f"<w:tr><w:trPr><w:cantSplit/></w:trPr>{content}</w:tr>"


def table(widths: tuple[int, ...], rows: list[str], *, border: bool = False) -> str:
    lines = "".join(f'<w:{side} w:val="single" w:sz="4" w:color="000000"/>' for side in _BORDERS)
    borders = f"<w:tblBorders>{lines}</w:tblBorders>" if border else ""
    columns = "".join(f'<w:gridCol w:w="{width}"/>' for width in widths)
    sized = "".join(_with_widths(row, widths) for row in rows)
    return (
        f'<w:tbl><w:tblPr><w:tblW w:w="{sum(widths)}" w:type="dxa"/>{borders}'
        f'<w:tblLayout w:type="fixed"/></w:tblPr><w:tblGrid>{columns}</w:tblGrid>{sized}</w:tbl>'
    )


def _with_widths(row: str, widths: tuple[int, ...]) -> str:
    for width in widths:
        cell = f'<w:tcPr><w:tcW w:w="{width}" w:type="dxa"/></w:tcPr>'
        row = row.replace("<w:tcPr/>", cell, 1)
    return row


# --- the other parts ----------------------------------------------------------------------------

_CONTENT_TYPES = (
    f'<Types xmlns="{_PACKAGE}/content-types">'
    '<Default Extension="rels" '
    'ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    '<Default Extension="xml" ContentType="application/xml"/>'
    f'<Override PartName="/word/document.xml" ContentType="{_TYPE}.document.main+xml"/>'
    f'<Override PartName="/word/styles.xml" ContentType="{_TYPE}.styles+xml"/>'
    '<Override PartName="/docProps/core.xml" '
    'ContentType="application/vnd.openxmlformats-package.core-properties+xml"/></Types>'
)
_RELATIONS = (
    f'<Relationships xmlns="{_PACKAGE}/relationships">'
    f'<Relationship Id="rId1" Type="{_OFFICE}/officeDocument" Target="word/document.xml"/>'
    f'<Relationship Id="rId2" Type="{_PACKAGE}/relationships/metadata/core-properties" '
    'Target="docProps/core.xml"/></Relationships>'
)
_DOCUMENT_RELATIONS = (
    f'<Relationships xmlns="{_PACKAGE}/relationships">'
    f'<Relationship Id="rId1" Type="{_OFFICE}/styles" Target="styles.xml"/></Relationships>'
)
_PROPERTIES = (
    f'<cp:coreProperties xmlns:cp="{_PACKAGE}/metadata/core-properties" '
    'xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:dcterms="http://purl.org/dc/terms/" '
    'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">'
    "<dc:title>{{ title }} {{ number }}</dc:title><dc:creator>{{ site }}</dc:creator>"
    "<dc:language>id-ID</dc:language></cp:coreProperties>"
)
# Word and LibreOffice have styles of their own called Figure or Heading.
_PREFIX = "Paper"
# Name of a style: size in half points, alignment, space before and after, and more of the run.
_STYLES: dict[str, tuple[int, str, int, int, str]] = {
    "Body": (20, "both", 40, 60, ""),
    "Letterhead": (24, "center", 0, 0, "<w:b/>"),
    "Address": (17, "center", 0, 20, ""),
    "Heading": (24, "center", 60, 0, "<w:b/>"),
    "Number": (20, "center", 0, 80, ""),
    "Cell": (19, "left", 10, 10, ""),
    "CellHeading": (19, "left", 10, 10, "<w:b/>"),
    "Figure": (19, "right", 10, 10, ""),
    "Subject": (20, "left", 80, 0, "<w:b/>"),
    "Finding": (20, "left", 0, 20, ""),
    "PlaceAndDate": (20, "center", 80, 60, ""),
    "Signature": (20, "center", 0, 0, ""),
    "Role": (20, "center", 0, 560, ""),
    "Name": (20, "center", 0, 0, '<w:b/><w:u w:val="single"/>'),
    "Small": (14, "left", 0, 20, ""),
    "Gap": (4, "left", 0, 0, ""),
    "Rule": (4, "left", 0, 0, ""),
}


def _styles() -> str:
    defaults = (
        '<w:docDefaults><w:rPrDefault><w:rPr><w:rFonts w:ascii="Times New Roman" '
        'w:hAnsi="Times New Roman" w:cs="Times New Roman"/><w:lang w:val="id-ID"/></w:rPr>'
        "</w:rPrDefault></w:docDefaults>"
    )
    styles = "".join(_style(name, *how) for name, how in _STYLES.items())
    return f'<w:styles xmlns:w="{_W}">{defaults}{styles}</w:styles>'


def _style(name: str, half_points: int, align: str, before: int, after: int, run: str) -> str:
    first = ' w:default="1"' if name == "Body" else ""
    indent = '<w:ind w:left="4706"/>' if name == "PlaceAndDate" else ""
    line = (
        '<w:pBdr><w:bottom w:val="single" w:sz="8" w:space="1" w:color="000000"/></w:pBdr>'
        if name == "Rule"
        else ""
    )
    return (
        f'<w:style w:type="paragraph"{first} w:styleId="{_PREFIX}{name}">'
        f'<w:name w:val="{_PREFIX}{name}"/>'
        f'<w:pPr>{line}<w:spacing w:before="{before}" w:after="{after}"/>{indent}'
        f'<w:jc w:val="{align}"/></w:pPr><w:rPr>{run}<w:sz w:val="{half_points}"/></w:rPr>'
        "</w:style>"
    )

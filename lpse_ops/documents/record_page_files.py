"""A page of a register as PDF, DOCX, HTML or text; the same values give the same bytes."""

import base64
from collections.abc import Callable
from dataclasses import asdict, fields
from typing import Any, Literal, get_args

from lpse_ops.documents.images import check_logo, qr_png, qr_svg, qr_svg_inline
from lpse_ops.documents.paper_parts import Fact, SignatureBlock, SignatureRow
from lpse_ops.documents.record_page import RecordPage, Row, compose, qr_content
from lpse_ops.documents.record_page_plain import render_plain
from lpse_ops.errors import PaperError

PageFormat = Literal["pdf", "docx", "html", "txt"]
FORMATS: tuple[PageFormat, ...] = get_args(PageFormat)
# Of lists that may be empty.
_FIELDS = frozenset(
    field.name for kind in (Fact, Row, SignatureRow, SignatureBlock) for field in fields(kind)
)
_QR_MM = 23
_LOGO_MM = 19


def render_record_page(page: RecordPage, page_format: PageFormat) -> bytes:
    """Return the page; PaperError when it has nothing to tell, or a library is not there."""
    if not page.sections or not page.lines:
        raise PaperError(
            "there is nothing on record to make a page of",
            hint="see what there is: lpse-ops spse change list",
        )
    if page.letterhead.logo is not None:
        check_logo(page.letterhead.logo)
    return _RENDERERS[page_format](page)


def _render_pdf(page: RecordPage) -> bytes:
    from lpse_ops.documents.pdf import render_pdf

    images = {"qr": qr_svg(qr_content(page)).encode()}
    if page.letterhead.logo is not None:
        images["logo"] = page.letterhead.logo
    return render_pdf("record_page.typ", asdict(compose(page)), images=images, created=page.moment)


def _render_html(page: RecordPage) -> bytes:
    from markupsafe import Markup

    from lpse_ops.documents.html import render_html

    logo = page.letterhead.logo
    encoded = base64.b64encode(logo).decode() if logo else ""
    images = {
        "qr": Markup(qr_svg_inline(qr_content(page))),  # noqa: S704 - made here, of modules only
        "logo": f"data:image/png;base64,{encoded}" if logo else "",
    }
    return render_html("record_page.html", {**asdict(compose(page)), **images})


def _render_docx(page: RecordPage) -> bytes:
    from lpse_ops.documents.word import Picture, WordPaper, fill_own_template
    from lpse_ops.documents.word_record_page import record_page_template

    texts: dict[str, Any] = asdict(compose(page))
    pictures = {"qr": Picture(qr_png(qr_content(page)), _QR_MM)}
    if page.letterhead.logo is not None:
        pictures["logo"] = Picture(page.letterhead.logo, _LOGO_MM)
    else:
        texts["logo"] = ""
    paper = WordPaper(texts, pictures, page.moment, _FIELDS)
    return fill_own_template(record_page_template(), paper)


_RENDERERS: dict[PageFormat, Callable[[RecordPage], bytes]] = {
    "pdf": _render_pdf,
    "docx": _render_docx,
    "html": _render_html,
    "txt": lambda page: render_plain(compose(page)).encode(),
}

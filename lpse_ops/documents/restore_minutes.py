"""*Berita Acara Uji Restore* as PDF, DOCX or HTML; the same values give the same bytes."""

import base64
from collections.abc import Callable
from dataclasses import asdict
from datetime import timedelta
from typing import Any, Literal, get_args

from lpse_ops.documents.images import check_logo, qr_png, qr_svg, qr_svg_inline
from lpse_ops.documents.numbering import check_number
from lpse_ops.documents.restore_minutes_text import compose, qr_content
from lpse_ops.documents.values import RestoreMinutes
from lpse_ops.errors import PaperError

PaperFormat = Literal["pdf", "docx", "html"]
FORMATS: tuple[PaperFormat, ...] = get_args(PaperFormat)
# So much later than the drill may a snapshot be dated that it found nothing wrong with.
_CLOCKS_DIFFER = timedelta(days=1)
_QR_MM = 23
_LOGO_MM = 19


def render_restore_minutes(
    values: RestoreMinutes, paper_format: PaperFormat, *, template: bytes | None = None
) -> bytes:
    """Return the paper; ``template`` is a Word file of the LPSE's own, for ``docx`` only.

    Raises PaperError (a UsageError for the number) when the values contradict each other or what
    a format needs is not there.
    """
    check_values(values)
    if template is not None and paper_format != "docx":
        raise PaperError(
            f"a Word template cannot make a paper in {paper_format.upper()}",
            hint="write a file that ends with .docx, or leave the template out",
        )
    texts = asdict(compose(values))
    if paper_format == "docx":
        return _render_docx(values, texts, template)
    return _RENDERERS[paper_format](values, texts)


def check_values(values: RestoreMinutes) -> None:
    """Raise PaperError or UsageError when the paper would say something that cannot be."""
    check_number(values.number)
    if values.letterhead.logo is not None:
        check_logo(values.letterhead.logo)
    if not values.carried_out_by:
        raise PaperError("nobody carried the drill out", hint="name who did with --by NAME")
    for problem in _contradictions(values):
        raise PaperError(
            f"the report contradicts itself: {problem}",
            hint="set the clocks of both machines right (timedatectl), back up and drill again",
        )


def _contradictions(values: RestoreMinutes) -> list[str]:
    wrong = {
        "it ended before it began": values.finished < values.started,
        # A failed drill says so itself.
        "it succeeded with a snapshot that was taken after it": values.passed
        and values.snapshot_time - values.started > _CLOCKS_DIFFER,
        "it succeeded and has findings": values.passed and bool(values.problems),
        "it failed without a finding": not values.passed and not values.problems,
    }
    return [problem for problem, is_so in wrong.items() if is_so]


def _render_pdf(values: RestoreMinutes, texts: dict[str, Any]) -> bytes:
    from lpse_ops.documents.pdf import render_pdf

    images = {"qr": qr_svg(qr_content(values)).encode()}
    if values.letterhead.logo is not None:
        images["logo"] = values.letterhead.logo
    return render_pdf("restore_minutes.typ", texts, images=images, created=values.finished)


def _render_html(values: RestoreMinutes, texts: dict[str, Any]) -> bytes:
    from markupsafe import Markup

    from lpse_ops.documents.html import render_html

    logo = values.letterhead.logo
    encoded = base64.b64encode(logo).decode() if logo else ""
    images = {
        "qr": Markup(qr_svg_inline(qr_content(values))),  # noqa: S704 - made here, of modules only
        "logo": f"data:image/png;base64,{encoded}" if logo else "",
    }
    return render_html("restore_minutes.html", {**texts, **images})


def _render_docx(values: RestoreMinutes, texts: dict[str, Any], template: bytes | None) -> bytes:
    from lpse_ops.documents.word import (
        Picture,
        WordPaper,
        fill_foreign_template,
        fill_own_template,
    )
    from lpse_ops.documents.word_template import restore_minutes_template

    pictures = {"qr": Picture(qr_png(qr_content(values)), _QR_MM)}
    if values.letterhead.logo is not None:
        pictures["logo"] = Picture(values.letterhead.logo, _LOGO_MM)
    else:
        texts = {**texts, "logo": ""}
    paper = WordPaper(texts, pictures, values.finished)
    if template is None:
        return fill_own_template(restore_minutes_template(), paper)
    return fill_foreign_template(template, paper)


_RENDERERS: dict[str, Callable[[RestoreMinutes, dict[str, Any]], bytes]] = {
    "pdf": _render_pdf,
    "html": _render_html,
}

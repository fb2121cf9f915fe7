import pytest

from lpse_ops.documents.images import LARGEST_LOGO_BYTES, check_logo, qr_png, qr_svg, qr_svg_inline
from lpse_ops.errors import PaperError
from tests.documents.samples import png


@pytest.mark.parametrize("size", [(1, 1), (2000, 10)], ids=str)
def test_a_png_of_a_sensible_size_is_a_logo(size):
    check_logo(png(*size))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"GIF89a",
        b"<svg/>",
        png(2001, 1),
        png(0, 5),
        png(1, 1)[:20],
        png(1, 1) + bytes(LARGEST_LOGO_BYTES),
    ],
    ids=["nothing", "GIF", "SVG", "wide", "no width", "cut", "heavy"],
)
def test_anything_else_is_none(content):
    with pytest.raises(PaperError) as caught:
        check_logo(content)
    assert "PNG" in caught.value.message
    assert "site.letterhead" not in caught.value.hint
    assert "papers.logo" in caught.value.hint


def test_qr_codes_are_the_same_every_time_and_tell_contents_apart():
    for render in (qr_svg, qr_svg_inline, qr_png):
        assert render("satu") == render("satu")
        assert render("satu") != render("dua")


def test_a_qr_code_in_html_is_one_element_without_text():
    inline = qr_svg_inline("<script>")
    assert inline.startswith("<svg ")
    assert inline.endswith("</svg>")
    assert "script" not in inline

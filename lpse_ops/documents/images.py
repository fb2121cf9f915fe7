"""Pictures in papers: the logo of the letterhead, and QR codes."""

import io

from lpse_ops.errors import PaperError

LARGEST_LOGO_BYTES = 512 * 1024
LARGEST_LOGO_PIXELS = 2000
# Modules of white around a QR code, without which phones do not find it.
_QUIET_ZONE = 4
_PNG = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"


def check_logo(content: bytes) -> None:
    """Raise PaperError unless the logo is a PNG file of a sensible size."""
    width = int.from_bytes(content[16:20], "big")
    height = int.from_bytes(content[20:24], "big")
    # Whoever decodes it makes room for all its pixels, whatever the file weighs.
    is_small = max(width, height) <= LARGEST_LOGO_PIXELS and len(content) <= LARGEST_LOGO_BYTES
    if not content.startswith(_PNG) or not min(width, height) or not is_small:
        raise PaperError(
            f"the logo must be a PNG file of at most {LARGEST_LOGO_BYTES // 1024} KiB and "
            f"{LARGEST_LOGO_PIXELS} pixels",
            hint="save a smaller copy as PNG and name it in papers.logo",
        )


def qr_svg(content: str) -> str:
    """Return a QR code as an SVG document; the same bytes for the same content."""
    import segno

    stream = io.BytesIO()
    segno.make(content, error="m", micro=False).save(
        stream, kind="svg", border=_QUIET_ZONE, svgclass=None
    )
    return stream.getvalue().decode()


def qr_svg_inline(content: str) -> str:
    """Return a QR code as an element that HTML may hold."""
    import segno

    code = segno.make(content, error="m", micro=False)
    return str(code.svg_inline(border=_QUIET_ZONE, svgclass=None, lineclass=None, omitsize=True))


def qr_png(content: str) -> bytes:
    """Return a QR code as a PNG file; the same bytes for the same content."""
    import segno

    stream = io.BytesIO()
    segno.make(content, error="m", micro=False).save(
        stream, kind="png", border=_QUIET_ZONE, scale=6
    )
    return stream.getvalue()

"""PDF/A-2b by typst: a template reads the texts as JSON, so no text can be markup.

The same texts give the same bytes: fonts are those that typst carries, never the machine's, and
the time in the file is the paper's.
"""

import json
import re
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.resources import as_file, files
from typing import Any

from lpse_ops.errors import PaperError

STANDARD = "a-2b"
# A word that is longer than any fingerprint could leave the page: it gets places to break.
_LONG_WORD = re.compile(r"\S{72,}")
_PIECE = 24
_BREAK = "\N{ZERO WIDTH SPACE}"
# What typst's own fonts (Libertinus Serif and DejaVu Sans Mono) both can show.
_SHOWN = re.compile(
    r"[^\x20-\x7e\xa0-\u017f\u0391-\u03a1\u03a3-\u03a9\u03b1-\u03c9\u0410-\u044f–—‘’“”•…€\u200b]"
)


def render_pdf(
    template: str, texts: Mapping[str, Any], *, images: Mapping[str, bytes], created: datetime
) -> bytes:
    """Fill ``templates/TEMPLATE``; it finds texts, images and the time under ``values``."""
    typst = import_typst()
    moment = created.astimezone(UTC).replace(microsecond=0)
    values = {
        **_shown(dict(texts)),
        "images": {name: list(content) for name, content in images.items()},
        "created": list(moment.timetuple()[:6]),
    }
    with as_file(files("lpse_ops.documents") / "templates") as folder:
        compiler = typst.Compiler(
            input=(folder / template).read_bytes(),
            root=folder,
            ignore_system_fonts=True,
            sys_inputs={"values": json.dumps(values)},
        )
        try:
            content = compiler.compile(format="pdf", pdf_standards=[STANDARD])
        except typst.TypstError as error:
            raise PaperError(
                f"cannot make the PDF: {_first_line(error)}",
                hint="write a file that ends with .docx or .html instead, and report this",
            ) from error
    return bytes(content)


def import_typst() -> Any:
    try:
        import typst
    except ImportError as error:
        raise PaperError(
            "a PDF needs the library typst, which is not installed",
            hint=f"{sys.prefix}/bin/pip install 'lpse-ops[documents]', or write a file that ends "
            "with .html",
        ) from error
    return typst


def _shown(value: Any) -> Any:
    """Return the texts without what the fonts cannot show, each such character as its number."""
    if isinstance(value, str):
        broken = _LONG_WORD.sub(_breakable, value)
        return _SHOWN.sub(lambda match: f"[U+{ord(match[0]):04X}]", broken)
    if isinstance(value, dict):
        return {key: _shown(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_shown(each) for each in value]
    return value


def _breakable(word: re.Match[str]) -> str:
    text = word[0]
    return _BREAK.join(text[start : start + _PIECE] for start in range(0, len(text), _PIECE))


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0][:200]

"""DOCX by docxtpl: our own template, or a Word file with the letterhead of the LPSE.

A template that the LPSE gives is filled by a process of its own (``word_worker``), whose time and
memory are bounded: docxtpl's patterns take quadratic time on a file made for it.
"""

import base64
import io
import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from lpse_ops.documents.template_rules import RestrictedEnvironment, explain, field_names
from lpse_ops.documents.word_package import check_parts, read_parts, write_parts
from lpse_ops.errors import PaperError, ProcessFailed
from lpse_ops.process import run

# Of processor time; a letter takes one.
SECONDS = 20
REFUSED = 3
# Where the machine is busy, the clock runs faster than the processor works.
_PATIENCE = 6
_EMU_PER_MILLIMETRE = 36_000


@dataclass(frozen=True)
class Picture:
    """A PNG file and its height on the paper."""

    content: bytes
    height_mm: int


@dataclass(frozen=True)
class WordPaper:
    """What fills a template; a name in ``texts`` or ``pictures`` is a field of the template.

    ``more_fields`` are those of lists that are empty this time; for our own templates only.
    """

    texts: Mapping[str, Any]
    pictures: Mapping[str, Picture]
    created: datetime
    more_fields: frozenset[str] = frozenset()


def fill_own_template(template: bytes, paper: WordPaper) -> bytes:
    """Fill the template that is part of the program."""
    return _fill(template, paper)


def fill_foreign_template(template: bytes, paper: WordPaper, *, seconds: int = SECONDS) -> bytes:
    """Fill a template that may come from anyone; raises PaperError when it is not acceptable."""
    check_parts(read_parts(template, "the template"), "the template")
    import_docxtpl()
    argv = [sys.executable, "-P", "-m", "lpse_ops.documents.word_worker", str(seconds)]
    request = render_request(template, paper)
    try:
        ended = run(argv, stdin=request, timeout_seconds=seconds * _PATIENCE)
    except ProcessFailed as error:
        raise _too_much() from error
    if ended.status == 0:
        return ended.stdout
    if ended.status != REFUSED:
        raise _too_much()
    raise PaperError(**json.loads(ended.stdout))


def fill_bounded(template: bytes, paper: WordPaper) -> bytes:
    """Fill a foreign template in this process: for ``word_worker``, which has set its limits."""
    check_parts(read_parts(template, "the template"), "the template")
    try:
        return _fill(template, paper)
    except (PaperError, MemoryError):
        raise
    except Exception as error:
        # python-docx and lxml have many ways to say that a file is not what it should be.
        raise PaperError(
            f"the template cannot be filled: {type(error).__name__}: {str(error)[:200]}",
            hint="open it in Word or LibreOffice, save it again as DOCX and try once more",
        ) from error


def render_request(template: bytes, paper: WordPaper) -> bytes:
    pictures = {
        name: [base64.b64encode(picture.content).decode(), picture.height_mm]
        for name, picture in paper.pictures.items()
    }
    return json.dumps(
        {
            "template": base64.b64encode(template).decode(),
            "texts": paper.texts,
            "pictures": pictures,
            "created": paper.created.isoformat(),
        }
    ).encode()


def parse_request(content: bytes) -> tuple[bytes, WordPaper]:
    request = json.loads(content)
    pictures = {
        name: Picture(base64.b64decode(encoded), height)
        for name, (encoded, height) in request["pictures"].items()
    }
    created = datetime.fromisoformat(request["created"])
    return base64.b64decode(request["template"]), WordPaper(request["texts"], pictures, created)


def import_docxtpl() -> Any:
    try:
        import docxtpl
    except ImportError as error:
        raise PaperError(
            "a DOCX needs the library docxtpl, which is not installed",
            hint=f"{sys.prefix}/bin/pip install 'lpse-ops[documents]', or write a file that ends "
            "with .html",
        ) from error
    return docxtpl


def _fill(template: bytes, paper: WordPaper) -> bytes:
    from jinja2 import TemplateError

    docxtpl = import_docxtpl()
    document = docxtpl.DocxTemplate(io.BytesIO(template))
    pictures = {
        name: docxtpl.InlineImage(
            document,
            io.BytesIO(picture.content),
            height=picture.height_mm * _EMU_PER_MILLIMETRE,
        )
        for name, picture in paper.pictures.items()
    }
    fields = field_names(paper.texts) | set(pictures) | paper.more_fields
    try:
        document.render({**paper.texts, **pictures}, RestrictedEnvironment(fields))
    except TemplateError as error:
        raise explain(error) from error
    _set_times(document.docx.core_properties, paper.created)
    stream = io.BytesIO()
    document.save(stream)
    parts = read_parts(stream.getvalue(), "the paper")
    # Again: relations that the template spelled in an odd way are plain by now.
    check_parts(parts, "the template")
    return write_parts(parts)


def _set_times(properties: Any, created: datetime) -> None:
    """The time in the file is the paper's, else no two files would be the same."""
    properties.created = properties.modified = created.astimezone(UTC).replace(tzinfo=None)
    properties.revision = 1


def _too_much() -> PaperError:
    return PaperError(
        "the template takes more time or memory than a letter needs",
        hint="`lpse-ops paper template --output FILE.docx` writes one to start from",
    )

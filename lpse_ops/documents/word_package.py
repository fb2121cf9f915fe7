"""A DOCX file as its parts: read from hostile bytes within bounds, written the same every time."""

import io
import re
import zipfile
from collections.abc import Mapping

from lpse_ops.errors import PaperError

LARGEST_FILE = 8 << 20
LARGEST_PARTS = 32 << 20
MOST_PARTS = 300
# What Word itself would open elsewhere, or run, when an officer opens the paper.
_ACTIVE = re.compile(r"vbaproject|activex|oleobject|\.bin$|altchunk|afchunk", re.IGNORECASE)
_RELATION = re.compile(r"<(?:\w+:)?Relationship\b[^>]*>")
_EXTERNAL = re.compile(r"TargetMode\s*=\s*[\"']External[\"']")
_HYPERLINK = re.compile(r"Type\s*=\s*[\"'][^\"']*/hyperlink[\"']")
# The oldest that a ZIP file can say.
_TIME = (1980, 1, 1, 0, 0, 0)
_HINT = "save it in Word or LibreOffice as DOCX, without macros and without linked objects"


def read_parts(content: bytes, name: str) -> dict[str, bytes]:
    """Return the parts of a DOCX file; raises PaperError when it is none, or too large."""
    if len(content) > LARGEST_FILE:
        raise PaperError(f"{name} is larger than {LARGEST_FILE >> 20} MiB", hint=_HINT)
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as package:
            entries = package.infolist()
            too_large = sum(entry.file_size for entry in entries) > LARGEST_PARTS
            if too_large or len(entries) > MOST_PARTS:
                raise PaperError(f"{name} unpacks to more than a letter needs", hint=_HINT)
            parts = {entry.filename: package.read(entry) for entry in entries}
    # A forged archive ends in any of these, RuntimeError where it claims to be encrypted.
    except (zipfile.BadZipFile, RuntimeError, NotImplementedError, ValueError, OSError) as error:
        raise PaperError(f"{name} is not a DOCX file: {error}", hint=_HINT) from error
    except Exception as error:
        # zlib, lzma and bz2 have errors of their own.
        if isinstance(error, PaperError | MemoryError):
            raise
        raise PaperError(f"{name} is damaged: {error}", hint=_HINT) from error
    return parts


def check_parts(parts: Mapping[str, bytes], name: str) -> None:
    """Raise PaperError when the paper would hold macros or reach out to other machines."""
    if "[Content_Types].xml" not in parts or "word/document.xml" not in parts:
        raise PaperError(f"{name} is not a Word document", hint=_HINT)
    active = next((part for part in parts if _ACTIVE.search(part)), None)
    if active is not None:
        raise PaperError(f"{name} holds what Word would run: {active[:80]!r}", hint=_HINT)
    for part, content in parts.items():
        if part.endswith(".rels"):
            _check_relations(content, part, name)
        # Entities of a document type can grow without end, and Word never writes one.
        if part.endswith((".xml", ".rels")) and b"<!DOCTYPE" in _ascii(content):
            raise PaperError(f"{name}: {part[:80]!r} holds a document type", hint=_HINT)


def write_parts(parts: Mapping[str, bytes]) -> bytes:
    """Return a DOCX file; the same parts give the same bytes."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as package:
        # Readers look for the types first.
        for name in sorted(parts, key=lambda name: (name != "[Content_Types].xml", name)):
            entry = zipfile.ZipInfo(name, _TIME)
            entry.compress_type = zipfile.ZIP_DEFLATED
            package.writestr(entry, parts[name])
    return stream.getvalue()


def _check_relations(content: bytes, part: str, name: str) -> None:
    text = _ascii(content).decode("ascii", "replace")
    for relation in _RELATION.findall(text):
        if _EXTERNAL.search(relation) and not _HYPERLINK.search(relation):
            raise PaperError(f"{name} loads something from elsewhere: {part[:80]!r}", hint=_HINT)


def _ascii(content: bytes) -> bytes:
    """Return the text of a part in which every tag can be found, also when it is in UTF-16."""
    return content.replace(b"\0", b"")

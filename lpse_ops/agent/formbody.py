"""Bodies of requests as web forms send them: url-encoded, or in parts with files.

Runs on the managed host: standard library and ``lpse_ops.agent`` only, Python 3.6.
"""

import base64
import email.utils
import mimetypes
import os
import re
import urllib.parse
from typing import IO, Any, Callable, Iterator, List, Mapping, NamedTuple, Optional, Tuple

# A line of base64, as mails have it.
_LINE_BYTES = 57
_ENCODINGS = ("base64", "7or8bit")


class FormProblem(ValueError):
    """A body that cannot be a form; the text says why."""


class Part(NamedTuple):
    """One field: a ``text``, or the file at ``path``; ``filename`` is what the server sees."""

    name: str
    mime_type: str
    text: Optional[bytes] = None
    path: Optional[str] = None
    filename: Optional[str] = None
    encoding: str = "base64"


def encode_form(body: Any) -> Any:
    """The url-encoded text of a mapping or a list of pairs; a text is one already."""
    if not isinstance(body, (Mapping, list, tuple)):
        return body
    return urllib.parse.urlencode(list(_pairs(body)))


def _pairs(body: Any) -> Iterator[Tuple[str, str]]:
    entries = list(body.items()) if isinstance(body, Mapping) else body
    for entry in entries:
        if not isinstance(entry, (list, tuple)) or len(entry) != 2:
            raise FormProblem(f"{entry!r} is no pair of a name and a value")
        name, values = entry
        for value in values if isinstance(values, (Mapping, list, tuple)) else [values]:
            if value is not None:
                yield str(name), str(value)


def parse_parts(fields: Any) -> List[Part]:
    """Read the fields of a form in parts, sorted by name: texts, or mappings about a file."""
    if not isinstance(fields, Mapping):
        raise FormProblem(f"Mapping is required, cannot be type {type(fields).__name__}")
    return [_parse_part(name, value) for name, value in sorted(fields.items())]


def _parse_part(name: str, value: Any) -> Part:
    if isinstance(value, str):
        return Part(name, "text/plain", _lines_of(value))
    if not isinstance(value, Mapping):
        kind = type(value).__name__
        raise FormProblem(f"value must be a string, or mapping, cannot be type {kind}")
    filename, content = value.get("filename"), value.get("content")
    if not filename and not content:
        raise FormProblem("at least one of filename or content must be provided")
    guessed = mimetypes.guess_type(filename or "", strict=False)[0]
    mime_type = value.get("mime_type") or guessed or "application/octet-stream"
    encoding = value.get("multipart_encoding") or "base64"
    if encoding not in _ENCODINGS:
        raise FormProblem("multipart_encoding must be one of {}".format(", ".join(_ENCODINGS)))
    shown = os.path.basename(filename) if filename else None
    if content:
        return Part(name, mime_type, _lines_of(str(content)), None, shown)
    return Part(name, mime_type, None, filename, shown, encoding)


def _lines_of(text: str) -> bytes:
    # Lines of a text end in CRLF on the wire, as in a mail.
    return re.sub("\r\n|\r|\n", "\r\n", text).encode("utf-8", "surrogateescape")


def write_parts(parts: List[Part], file: IO[bytes]) -> str:
    """Write the whole body to a file; return its content type.  OSError: a file is not there."""
    boundary = "=" * 15 + os.urandom(16).hex()
    for part in parts:
        file.write(f"--{boundary}\r\n".encode("ascii"))
        if part.path is None:
            file.write(_header(part) + (part.text or b""))
        else:
            _write_file(part, part.path, file.write)
        file.write(b"\r\n")
    file.write(f"--{boundary}--\r\n".encode("ascii"))
    return f'multipart/form-data; boundary="{boundary}"'


def _header(part: Part, encoding: Optional[str] = None) -> bytes:
    lines = [f"Content-Type: {_one_line(part.mime_type)}"]
    if encoding:
        lines.append(f"Content-Transfer-Encoding: {encoding}")
    words = "form-data; " + _parameter("name", part.name)
    if part.filename:
        words += "; " + _parameter("filename", part.filename)
    lines.append(f"Content-Disposition: {words}")
    return "\r\n".join([*lines, "", ""]).encode("ascii", "surrogateescape")


def _parameter(name: str, value: str) -> str:
    try:
        _one_line(value).encode("ascii")
    except UnicodeEncodeError:
        return "{}*={}".format(name, email.utils.encode_rfc2231(value, "utf-8", ""))
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'{name}="{escaped}"'


def _one_line(text: str) -> str:
    if "\r" in text or "\n" in text:
        raise FormProblem(f"{text!r} has more than one line")
    return text


def _write_file(part: Part, path: str, write: Callable[[bytes], Any]) -> None:
    with open(path, "rb") as file:
        if part.encoding == "base64":
            write(_header(part, "base64"))
            for piece in iter(lambda: file.read(_LINE_BYTES * 1024), b""):
                write(base64.encodebytes(piece).replace(b"\n", b"\r\n"))
            return
        is_plain = all(max(piece) < 128 for piece in iter(lambda: file.read(1 << 16), b""))
        write(_header(part, "7bit" if is_plain else "8bit"))
        file.seek(0)
        for line in file:
            # A text's lines end as they do in a mail; of anything else no byte changes.
            is_bare = is_plain and line.endswith(b"\n") and not line.endswith(b"\r\n")
            write(line[:-1] + b"\r\n" if is_bare else line)

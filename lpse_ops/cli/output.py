"""What a command answers: text or JSON, on standard output or in a file, whole or not at all."""

import contextlib
import dataclasses
import enum
import json
import os
import stat
import sys
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from pathlib import Path, PurePath
from typing import Any, BinaryIO

from lpse_ops.atomicfile import open_atomically
from lpse_ops.errors import OpsError


def emit(
    command: str,
    data: Mapping[str, Any],
    *,
    text: Callable[[], str],
    output_format: str,
    output: Path | None,
) -> None:
    """Write the answer of a command, e.g. ``backup/snapshots``, in the format asked for."""
    rendered = render_json(command, data) if output_format == "json" else text()
    if rendered and not rendered.endswith("\n"):
        rendered += "\n"
    with open_output(output) as stream:
        stream.write(encode_text(rendered))


def encode_text(text: str) -> bytes:
    """File names need not be Unicode: what is not becomes \\udcXX, which JSON understands too."""
    return text.encode("utf-8", "backslashreplace")


def write_json_list(
    stream: BinaryIO, command: str, data: Mapping[str, Any], name: str, items: Iterable[object]
) -> None:
    """Write what ``render_json`` gives for data with a last list ``name``, element by element."""
    head, bracket, _ = render_json(command, {**data, name: []}).rpartition("[]")
    stream.write(encode_text(head) + bracket[:1].encode())
    separator = ""
    for item in items:
        text = json.dumps(item, default=_to_json, ensure_ascii=False, indent=2)
        stream.write(encode_text(f"{separator}\n{text}".replace("\n", "\n    ")))
        separator = ","
    stream.write(b"\n  ]\n}\n" if separator else b"]\n}\n")


@contextlib.contextmanager
def open_output(output: Path | None) -> Iterator[BinaryIO]:
    """Give a byte stream to standard output, or to a file that appears when all is written.

    An OSError inside the block counts as a failure to write.
    """
    try:
        if output is None:
            yield sys.stdout.buffer
            sys.stdout.buffer.flush()
        elif _is_special(output):
            # A rename would replace /dev/null or a FIFO by a file.
            with output.open("wb") as stream:
                yield stream
        else:
            with open_atomically(output.resolve(), mode=None) as stream:
                yield stream
    except BrokenPipeError:
        raise
    except OSError as error:
        raise OpsError(
            f"cannot write {output or 'standard output'}: {error.strerror}",
            hint="check that the folder exists and has room, or choose another --output FILE",
        ) from error


def _is_special(path: Path) -> bool:
    try:
        return not stat.S_ISREG(path.stat().st_mode)
    except FileNotFoundError:
        return False


def render_json(command: str, data: Mapping[str, Any]) -> str:
    """Return the data under ``"schema": "lpse-ops/<command>/1"``, keys in the order given."""
    document = {"schema": f"lpse-ops/{command}/1", **data}
    return json.dumps(document, default=_to_json, ensure_ascii=False, indent=2)


def _to_json(value: object) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        # Not asdict(), which would lose the types of what is inside.
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise TypeError("a time without a zone says nothing")
        return value.isoformat()
    for kind, convert in _CONVERSIONS.items():
        if isinstance(value, kind):
            return convert(value)
    raise TypeError(f"{type(value).__name__} has no JSON form")


_CONVERSIONS: dict[type[Any], Callable[[Any], Any]] = {
    PurePath: os.fspath,
    date: date.isoformat,
    time: time.isoformat,
    timedelta: timedelta.total_seconds,
    enum.Enum: lambda value: value.value,
    bytes: bytes.hex,
    Mapping: dict,
    frozenset: sorted,
    set: sorted,
}


def render_table(
    header: Sequence[str], rows: Iterable[Sequence[object]], *, right: Collection[str] = ()
) -> str:
    """Return aligned plain columns; those named in ``right`` hold numbers."""
    table = [[printable(str(cell)) for cell in row] for row in (header, *rows)]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    pads = [str.rjust if name in right else str.ljust for name in header]
    return "".join(
        "  ".join(
            pad(cell, width) for pad, cell, width in zip(pads, row, widths, strict=True)
        ).rstrip(" ")
        + "\n"
        for row in table
    )


def printable(text: str) -> str:
    """Return the text in one harmless line: names of files may hold newlines and escapes."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else _escape(char) for char in text)


def _escape(char: str) -> str:
    return char.encode("unicode_escape").decode("ascii")

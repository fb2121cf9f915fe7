"""A page of a register as plain text of 80 columns, for mail and terminals."""

import textwrap
from collections.abc import Iterator

from lpse_ops.documents.record_page import RecordPageText, Row, Section

_WIDTH = 80
_LABEL = 24


def render_plain(text: RecordPageText) -> str:
    return "".join(f"{line.rstrip()}\n" for line in _page(text))


def _page(text: RecordPageText) -> Iterator[str]:
    for line in (*text.letterhead, text.address):
        if line:
            yield line.center(_WIDTH)
    yield "=" * _WIDTH
    yield text.title.center(_WIDTH)
    yield f"Nomor: {text.number}".center(_WIDTH)
    for section in text.sections:
        yield ""
        yield section.heading
        yield "-" * len(section.heading)
        yield from _section(section)
    yield ""
    yield text.place_and_date
    for row in text.signatures:
        for block in (row.left, row.right):
            if block.name:
                yield from ("", block.heading, block.role, "", "", block.name, block.nip)
    yield ""
    yield "-" * _WIDTH
    for fact in text.fingerprints:
        yield f"{fact.label}:"
        yield f"  {fact.text}"
    for line in text.verify:
        yield f"Pemeriksaan: {line}"


def _section(section: Section) -> Iterator[str]:
    for fact in section.facts:
        head = f"{fact.label[: _LABEL - 1]:<{_LABEL}}: "
        indent = " " * (_LABEL + 2)
        yield from textwrap.wrap(
            fact.text, _WIDTH, initial_indent=head, subsequent_indent=indent
        ) or [head]
    if section.header is not None:
        yield ""
        yield from _table([section.header, *section.rows])
    for note in section.notes:
        yield f"    | {note}"


def _table(rows: list[Row]) -> Iterator[str]:
    cells = [tuple(vars(row).values()) for row in rows]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    for row in cells:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))

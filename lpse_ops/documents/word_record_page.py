"""Our own Word template of a page of a register, built from nothing."""

from collections.abc import Iterable

from lpse_ops.documents.word_blocks import evidence, letterhead, signatures
from lpse_ops.documents.word_layout import lines, paragraph, repeated, row, table, word_file

# Widths in twentieths of a point; the text is 16.6 cm wide.
_FACTS = (2600, 6812)
_TABLE = (500, 3912, 1800, 1500, 1700)
_CELLS = ("first", "second", "third", "fourth", "fifth")


def record_page_template() -> bytes:
    return word_file(_record_page())


def _record_page() -> Iterable[str]:
    yield from letterhead()
    yield paragraph("{{ title }}", "Heading")
    yield paragraph("Nomor: {{ number }}", "Number")
    yield paragraph("{%p for section in sections %}")
    yield paragraph("{{ section.heading }}", "Subject")
    yield paragraph("{%p if section.facts %}")
    facts = repeated("fact", "section.facts", ["{{ fact.label }}", ": {{ fact.text }}"])
    yield table(_FACTS, facts)
    yield paragraph("{%p endif %}")
    yield paragraph("{%p if section.header %}")
    yield paragraph("", "Gap")
    header = row(paragraph(f"{{{{ section.header.{cell} }}}}", "CellHeading") for cell in _CELLS)
    rows = repeated("row", "section.rows", [f"{{{{ row.{cell} }}}}" for cell in _CELLS])
    yield table(_TABLE, [header, *rows], border=True)
    yield paragraph("", "Gap")
    yield paragraph("{%p endif %}")
    yield from lines("note", "section.notes", "Small", "{{ note }}")
    yield paragraph("{%p endfor %}")
    yield paragraph("{{ place_and_date }}", "PlaceAndDate")
    yield paragraph("{%p if signatures %}")
    yield from signatures()
    yield paragraph("{%p endif %}")
    yield from evidence()

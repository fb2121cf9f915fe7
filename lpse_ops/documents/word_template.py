"""Our own Word template of *Berita Acara Uji Restore*, built from nothing.

A site that wants its own letterhead takes this file (`lpse-ops paper template`), edits it in Word
and gives it back with --template.
"""

from collections.abc import Iterable

from lpse_ops.documents.word_blocks import evidence, letterhead, signatures
from lpse_ops.documents.word_layout import lines, paragraph, repeated, row, table, word_file

# Widths in twentieths of a point; the text is 16.6 cm wide.
_FACTS = (2600, 6812)
_RESULTS = (3300, 1500, 1650, 2962)


def restore_minutes_template() -> bytes:
    """Return the template of *Berita Acara Uji Restore*."""
    return word_file(_restore_minutes())


def _restore_minutes() -> Iterable[str]:
    yield from letterhead()
    yield paragraph("{{ title }}", "Heading")
    yield paragraph("Nomor: {{ number }}", "Number")
    yield paragraph("{{ opening }}")
    yield table(_FACTS, repeated("fact", "facts", ["{{ fact.label }}", ": {{ fact.text }}"]))
    yield paragraph("", "Gap")
    header = row(
        paragraph(text, "CellHeading")
        for text in ("Uraian", "Diharapkan", "Hasil restore", "Keterangan")
    )
    fields = ["row.subject", "row.expected", "row.found", "row.verdict"]
    styles = ["Cell", "Figure", "Figure", "Cell"]
    rows = repeated("row", "results", [f"{{{{ {field} }}}}" for field in fields], styles)
    yield table(_RESULTS, [header, *rows], border=True)
    yield paragraph("Temuan", "Subject")
    yield from lines("finding", "findings", "Finding", "{{ finding }}")
    yield paragraph(
        "Berdasarkan hasil di atas, uji restore dinyatakan ",
        bold="{{ verdict }}",
        more=": {{ conclusion }}",
    )
    yield paragraph("{%p if basis %}")
    yield paragraph("Dasar: {{ basis }}.")
    yield paragraph("{%p endif %}")
    yield paragraph("{{ closing }}")
    yield paragraph("{{ place_and_date }}", "PlaceAndDate")
    yield from signatures()
    yield from evidence()

"""Blocks that all our Word templates have: letterhead, signatures, fingerprints and QR code."""

from collections.abc import Iterable

from lpse_ops.documents.word_layout import lines, paragraph, repeated_cells, row, table

# Widths in twentieths of a point; the text is 16.6 cm wide.
_HALVES = (4706, 4706)
_EVIDENCE = (7812, 1600)
_HEADING = (1300, 6812, 1300)


def letterhead() -> Iterable[str]:
    names = lines("line", "letterhead", "Letterhead", "{{ line }}")
    centre = "".join([*names, paragraph("{{ address }}", "Address")])
    yield table(
        _HEADING,
        [row([paragraph("{% if logo %}{{ logo }}{% endif %}", "Cell"), centre, paragraph()])],
    )
    yield paragraph("", "Rule")


def signatures() -> Iterable[str]:
    block = [("heading", "Signature"), ("role", "Role"), ("name", "Name"), ("nip", "Signature")]
    cells = [
        "".join(paragraph(f"{{{{ row.{side}.{field} }}}}", style) for field, style in block)
        for side in ("left", "right")
    ]
    yield table(_HALVES, repeated_cells("row", "signatures", cells))


def evidence() -> Iterable[str]:
    """What proves the paper, below a rule; the end of the document."""
    yield paragraph("", "Rule")
    proofs = [
        *lines("fact", "fingerprints", "Small", "{{ fact.label }}: {{ fact.text }}"),
        *lines("line", "verify", "Small", "Pemeriksaan: {{ line }}"),
        paragraph("{{ qr_note }}", "Small"),
    ]
    yield table(_EVIDENCE, [row(["".join(proofs), paragraph("{{ qr }}", "Cell")])])
    # Word wants a paragraph after a table that ends a document.
    yield paragraph("", "Gap")

"""Text from outside made harmless for a paper: one line, visible, of bounded length.

What cannot be seen or would change how the line reads (control characters, marks of direction,
halves of characters, private and unassigned ones) becomes U+FFFD: a reader sees that something
stood there.
"""

import unicodedata

# A finding or a name that is longer belongs into the report.
LONGEST = 300
REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
ELLIPSIS = "…"
_HIDDEN = {"Cc", "Cf", "Cs", "Co", "Cn"}


def clean(text: str, longest: int = LONGEST) -> str:
    """Return at most ``longest`` characters in one line; what was cut ends with an ellipsis."""
    # Far more than is kept, so that the work does not grow with what comes from outside.
    words = " ".join(text[: longest * 8].split())
    visible = "".join(map(_visible, unicodedata.normalize("NFC", words)))
    shown = _with_few_marks(visible)
    if len(shown) <= longest and len(text) <= longest * 8:
        return shown
    return shown[: longest - 1].rstrip() + ELLIPSIS


def _visible(character: str) -> str:
    return REPLACEMENT if unicodedata.category(character) in _HIDDEN else character


def _with_few_marks(text: str, most: int = 2) -> str:
    """Leave out marks that are piled up on one letter: they would cover other lines."""
    kept, marks = [], 0
    for character in text:
        marks = marks + 1 if unicodedata.category(character).startswith("M") else 0
        if marks <= most:
            kept.append(character)
    return "".join(kept)

"""Where a portable disk may be kept: anywhere but in the server room.

Perbup Luwu Utara 34/2010, Ps 27(2), after Perka LKPP 2/2010: backups are on media that are easily
carried, placed in a safe place separate from the server room.
"""

import re

from lpse_ops.errors import UsageError

ARTICLE = "Ps 27(2)"
_ROOM = re.compile(
    r"\b(?:ruang(?:an)?|rg|r|kamar|rak|room) (?:data )?server\b|\bserver ?(?:room|rack)\b"
)
# "di luar ruang server" is exactly what the article asks for.
_OUTSIDE = re.compile(r"\b(?:luar|seberang|bukan|outside|away from|terpisah dari)(?: the)? $")


def is_server_room(place: str, room_name: str | None = None) -> bool:
    """Whether a place is the server room, or in it; ``room_name`` is what the site calls it."""
    text = _words(place)
    patterns = [_ROOM]
    if room_name and _words(room_name):
        patterns.append(re.compile(rf"\b{re.escape(_words(room_name))}\b"))
    matches = (match for pattern in patterns for match in pattern.finditer(text))
    return any(not _OUTSIDE.search(text[: match.start()]) for match in matches)


def _words(text: str) -> str:
    """Lower case, with one space between words, so that ``R. Server`` is ``r server``."""
    return " ".join(re.findall(r"\w+", text.casefold()))


def ensure_kept_outside(place: str, room_name: str | None = None) -> None:
    if is_server_room(place, room_name):
        raise UsageError(
            f"{place!r} is the server room: a copy that is kept there is lost with the server",
            hint=f"name a safe place away from it ({ARTICLE}), e.g. 'Brankas Setda'",
        )

"""Sizes as people type and read them; every unit is a power of 1024, as in restic."""

import re

_SIZE = re.compile(r"([0-9]+(?:\.[0-9]+)?) ?(?:([KMGT])(?:iB|i)?|B)?", re.IGNORECASE)
_POWERS = {"": 0, "K": 1, "M": 2, "G": 3, "T": 4}


def parse_size(text: str) -> int:
    """Turn ``512KiB``, ``1.5G`` or ``2048`` into bytes, or raise ValueError.

    ``MB`` is refused: half of the people mean a power of 1000.
    """
    match = _SIZE.fullmatch(text.strip())
    if not match:
        raise ValueError(f"{text!r} is not a size such as 512KiB, 20MiB or 2GiB")
    return int(float(match[1]) * 1024 ** _POWERS[(match[2] or "").upper()])


def format_size(size_bytes: float) -> str:
    """Return a size as restic prints it: ``1.234 GiB``."""
    for power, unit in ((40, "TiB"), (30, "GiB"), (20, "MiB"), (10, "KiB")):
        if size_bytes >= 1 << power:
            return f"{size_bytes / (1 << power):.3f} {unit}"
    return f"{size_bytes:.0f} B"

"""Small files of /proc, /sys, /run and /etc: what they say, or nothing when they are not there."""

import os
import re
from typing import Dict, List

_MOST_BYTES = 4 * 1024 * 1024
_ESCAPE = re.compile(r"\\([0-7]{3})")


def read_text(path: str, default: str = "") -> str:
    """Text of a file without white space at its ends; ``default`` when it cannot be read."""
    try:
        with open(path, "rb") as stream:
            return stream.read(_MOST_BYTES).decode("utf-8", "replace").strip()
    except OSError:
        return default


def read_lines(path: str) -> List[str]:
    """Lines of a file, none when it cannot be read."""
    return read_text(path).splitlines()


def list_folder(path: str) -> List[str]:
    """Sorted names in a folder, none when it cannot be read."""
    try:
        return sorted(os.listdir(path))
    except OSError:
        return []


def parse_assignments(text: str) -> Dict[str, str]:
    """Lines ``KEY=value`` or ``KEY="value"``, as in os-release; others are left out."""
    pairs = (line.partition("=") for line in text.splitlines() if not line.startswith("#"))
    return {key.strip(): value.strip().strip("\"'") for key, equals, value in pairs if equals}


def unescape(field: str) -> str:
    """Undo the octal escapes of /proc/mounts."""
    return _ESCAPE.sub(lambda found: chr(int(found.group(1), 8)), field)

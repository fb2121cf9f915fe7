"""How a number was written: YAML forgets that 0644 was not 420."""

import re
from pathlib import Path

from lpse_ops.marked import Origin

_NUMBER = r"\s*['\"]?\s*:\s*([0-9][0-9_.:a-fxo]*)\s*([,}\]#].*)?$"


def written_number(origin: Origin | None, name: str) -> str:
    """The number after the key ``name`` that stands at ``origin``, "" when it cannot be seen."""
    if origin is None or not origin.line:
        return ""
    lines = _lines_of(origin.file)
    if origin.line > len(lines):
        return ""
    rest = lines[origin.line - 1][max(0, origin.column - 1) :].lstrip("'\"")
    found = re.match(re.escape(name) + _NUMBER, rest)
    return found.group(1) if found else ""


def _lines_of(file: str) -> tuple[str, ...]:
    try:
        return tuple(Path(file).read_text(encoding="utf-8", errors="replace").split("\n"))
    except OSError:
        return ()

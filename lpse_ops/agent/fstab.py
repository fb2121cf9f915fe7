r"""A file system table as lines, see fstab(5): which line is about a mount point, what it becomes.

Runs on the managed host: standard library only, Python 3.6.  Pure.  Fields have no white space:
a space is written ``\040``.
"""

import re
from typing import List, NamedTuple, Optional

_ESCAPES = ((" ", r"\040"), ("\t", r"\011"), ("\n", r"\012"), ("&", r"\046"))
_ESCAPE = re.compile(r"\\([0-7]{3})")
_NOTE = re.compile(r"\s+#.*")


class Entry(NamedTuple):
    """Six fields, as they are written in the file."""

    source: str
    path: str
    kind: str
    options: str
    dump: str = "0"
    passno: str = "0"

    def render(self) -> str:
        return " ".join(self) + "\n"


def escape(field: str) -> str:
    field = field.replace("\\", r"\134")
    for letter, written in _ESCAPES:
        field = field.replace(letter, written)
    return field


def unescape(field: str) -> str:
    return _ESCAPE.sub(lambda found: chr(int(found.group(1), 8)), field)


def parse_entry(line: str) -> Optional[Entry]:
    """The entry of a line, without a comment at its end; None for what is no entry."""
    fields = _NOTE.sub("", line).split()
    if not 4 <= len(fields) <= 6 or fields[0].startswith("#"):
        return None
    return Entry(*fields)


def plan_entry(lines: List[str], entry: Entry) -> List[str]:
    """Have the entry in the place of the one for its mount point, or at the end."""
    planned = []
    is_there = False
    for line in lines:
        found = parse_entry(line)
        if found is None or not _is_about(found, entry):
            planned.append(line)
            continue
        is_there = True
        planned.append(line if found == entry else _with_note_of(line, entry))
    return planned if is_there else [*planned, entry.render()]


def _with_note_of(line: str, entry: Entry) -> str:
    note = _NOTE.search(line)
    return entry.render().rstrip("\n") + (note.group() if note else "") + "\n"


def plan_no_entry(lines: List[str], path: str, source: Optional[str]) -> List[str]:
    """Leave out the entries for a mount point; swap space is told by its ``source``."""
    kept = []
    for line in lines:
        found = parse_entry(line)
        if found is None or unescape(found.path) != path or _is_other_swap(found, source):
            kept.append(line)
    return kept


def _is_about(found: Entry, entry: Entry) -> bool:
    source = unescape(entry.source)
    return unescape(found.path) == unescape(entry.path) and not _is_other_swap(found, source)


def _is_other_swap(found: Entry, source: Optional[str]) -> bool:
    """All swap space is mounted on ``none``."""
    is_swap = found.path in ("none", "swap") and found.kind == "swap"
    return is_swap and source is not None and unescape(found.source) != source

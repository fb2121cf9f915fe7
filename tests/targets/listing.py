"""``targets.txt``: every integration target of ansible-core, and what becomes of it here.

A line is a name, a word, and for all words but ``pass`` the reason.  ``pass``: a target of the
language that our engine passes.  ``not-yet``: one that it does not.  ``never``: one that needs a
plugin of the kinds that we never load.  ``other``: no target of the language.
"""

from pathlib import Path
from typing import NamedTuple

LIST = Path(__file__).parent / "targets.txt"
WORDS = ("pass", "not-yet", "never", "other")


class Entry(NamedTuple):
    name: str
    word: str
    reason: str


def load_entries() -> dict[str, Entry]:
    """The list; a line that is none raises."""
    entries: dict[str, Entry] = {}
    for number, line in enumerate(LIST.read_text(encoding="utf-8").splitlines(), 1):
        if not line or line.startswith("#"):
            continue
        name, word, *rest = line.split(maxsplit=2)
        reason = "".join(rest)
        if word not in WORDS or name in entries or bool(reason) == (word == "pass"):
            raise ValueError(f"{LIST.name}:{number}: {line}")
        entries[name] = Entry(name, word, reason)
    return entries

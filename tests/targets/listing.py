"""``targets.txt``: every integration target of ansible-core, and what becomes of it here.

A line is a name, a word, and for all words but ``pass`` and ``lab`` the reason.  ``pass``: a target
of the language or of a module that our engine passes.  ``lab``: one that changes its machine, and
passes on one of the lab.  ``not-yet``: one that does not pass.  ``never``: one that needs a plugin
of the kinds that we never load.  ``other``: no target of the language or of our modules.
"""

from pathlib import Path
from typing import NamedTuple

LIST = Path(__file__).parent / "targets.txt"
PASSING = ("pass", "lab")
WORDS = (*PASSING, "not-yet", "never", "other")


class Entry(NamedTuple):
    name: str
    word: str
    reason: str

    @property
    def passes(self) -> bool:
        return self.word in PASSING


def load_entries(file: Path = LIST) -> dict[str, Entry]:
    """The list; a line that is none raises."""
    entries: dict[str, Entry] = {}
    for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1):
        if not line or line.startswith("#"):
            continue
        name, word, *rest = line.split(maxsplit=2)
        reason = "".join(rest)
        if word not in WORDS or name in entries or bool(reason) == (word in PASSING):
            raise ValueError(f"{file.name}:{number}: {line}")
        entries[name] = Entry(name, word, reason)
    return entries

"""Secrets and control characters out of what programs print, and not too much of it."""

import re
from typing import Callable, Iterable, List, Set

MASK = "********"
LONGEST_OUTPUT = 4000
# Shorter words are everywhere in other people's output.
_SHORTEST_SECRET = 4
_KEY_WORDS = r"[\w.\-]*(?:pass(?:word|wd|phrase)?|pwd|secret|securedb|token|apikey|private[_.]?key)"
_ASSIGNMENT = re.compile(rf"(?im)({_KEY_WORDS}\s*[=:]\s*)(\"[^\"\n]*\"|'[^'\n]*'|\S+)")
_URL = re.compile(r"(://[^\s:/@]*:)[^\s@/]+(?=@)")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_URL_PASSWORD = re.compile(r"://[^\s:/@]*:([^\s@/]+)@")

Mask = Callable[[str], str]


def make_mask(secrets: Iterable[str]) -> Mask:
    """A function that masks these words, and whatever looks like a password beside its name."""
    words = sorted({s for s in secrets if len(s) >= _SHORTEST_SECRET}, key=len, reverse=True)
    known = re.compile("|".join(map(re.escape, words))) if words else None

    def mask(text: str) -> str:
        text = known.sub(MASK, text) if known else text
        text = _URL.sub(rf"\g<1>{MASK}", text)
        return _ASSIGNMENT.sub(rf"\g<1>{MASK}", text)

    return mask


def secrets_of_configuration(text: str) -> Set[str]:
    """The secret values of an ``application.conf``."""
    found = set(_URL_PASSWORD.findall(text))
    for line in text.splitlines():
        match = _ASSIGNMENT.match(line.strip())
        if match:
            found.add(line.strip()[match.end(1) :].strip().strip("\"'"))
    return found


def secrets_of_passfile(text: str) -> Set[str]:
    """The passwords of a ``.pgpass``: the fifth field, in which ``\\:`` stands for a colon."""
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    fields: List[List[str]] = [re.split(r"(?<!\\):", line, maxsplit=4) for line in lines]
    return {re.sub(r"\\(.)", r"\1", each[4]) for each in fields if len(each) == 5}


def shorten(text: str, limit: int = LONGEST_OUTPUT) -> str:
    """The end of an output as plain text: that is where programs say what went wrong."""
    text = _CONTROL.sub("?", text.replace("\r\n", "\n")).strip()
    return text if len(text) <= limit else f"... {text[len(text) - limit + 4 :]}"

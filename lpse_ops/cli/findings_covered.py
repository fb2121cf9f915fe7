"""What of a file may be shown beside a finding: the values of secrets are covered.

A secret is known by the name before it, on the same line or on a line that this one is below, and
by standing in an address.
"""

import re
from collections.abc import Sequence
from typing import NamedTuple

from lpse_ops.inventory.secrets import is_secret_name
from lpse_ops.playbook.problems import masked

COVER = "********"
# Possessive: a line of a million letters is gone through once.
_NAME = re.compile(r"(?<![\w.-])([\w.-]++)['\"]?\s*+[:=]\s*+(?=\S)")
_DASHES = re.compile(r"(?:-\s+)+|-$")
_KEY = re.compile(r"(?:-\s+|[{,]\s*)*['\"]?([\w.-]+)['\"]?\s*:(?:\s|$)")
# A template says where a secret is; a block begins in the next line.
_HARMLESS = re.compile(r"['\"]?\{[{%]|(?:!\S+\s*)?[|>][-+0-9]*$|[\[{]$")
_IN_ADDRESS = re.compile(r"(://[^\s/:@]*:|\w:)[^\s/:]+@")


class Open(NamedTuple):
    """A line that others are below."""

    depth: int
    is_secret: bool


def cover_lines(lines: Sequence[str]) -> list[str]:
    """All lines as they may be shown; empty is one that is below the name of a secret."""
    above: list[Open] = []
    shown = []
    for line in lines:
        depths = _depths(line)
        while depths and above and above[-1].depth >= depths[0]:
            above.pop()
        is_within = bool(above) and above[-1].is_secret
        shown.append("" if is_within else cover(line))
        above += [Open(depth, is_within) for depth in depths[:-1]]
        above += [Open(depth, is_within or _names_secret(line)) for depth in depths[-1:]]
    return shown


def cover(line: str) -> str:
    """One line; what comes after a secret's name is covered to the end, as it may be a part."""
    for found in _NAME.finditer(line):
        if is_secret_name(found[1]) and not _HARMLESS.match(line, found.end()):
            line = f"{line[: found.end()]}{COVER}"
            break
    return masked(_IN_ADDRESS.sub(rf"\1{COVER}@", line))


def _depths(line: str) -> list[int]:
    """How far inside a line is, and what stands behind the ``-`` of a list.

    A list may stand as far out as its name, and is below it.
    """
    text = line.lstrip()
    if not text or text.startswith("#"):
        return []
    dashes = _DASHES.match(text)
    outer = len(line) - len(text)
    inner = outer + (dashes.end() if dashes else 0)
    return [2 * outer + 1, 2 * inner] if dashes else [2 * outer]


def _names_secret(line: str) -> bool:
    found = _KEY.match(line.strip())
    return found is not None and is_secret_name(found[1])

"""Versions of SPSE, as they stand in file names and as names of release folders.

A guess, to be checked on a real site: that a package's file name holds its version, as in
``spse-4.5.tar.gz`` or ``spse_v4.5u20230901.zip``.  Where it does not, it must be said.
"""

import re

_VERSION = re.compile(r"[0-9]+(\.[0-9]+){1,3}([-+._]?[0-9A-Za-z]{1,20}){0,2}")
_IN_NAME = re.compile(
    r"(?<![0-9.])[0-9]{1,2}(?:\.[0-9]{1,8}){1,3}(?:[-_.]?(?:u|p|sp|rc)?[0-9]{1,8})?(?![0-9A-Za-z]|\.[0-9])"
)
_MAX_CHARACTERS = 40
_NUMBERS = re.compile(r"[0-9]+(?:\.[0-9]+)*")
# What comes before the release that it is named after.
_BEFORE = ("alpha", "beta", "rc")


def is_version(text: str) -> bool:
    """Whether it may name a release: ``4.5``, ``4.5.2``, ``4.5u20230901``, ``4.4-rc1``."""
    return len(text) <= _MAX_CHARACTERS and _VERSION.fullmatch(text) is not None


def find_version(file_name: str) -> str | None:
    """The only version in a file's name; None where there is none, or more than one."""
    found = _IN_NAME.findall(file_name)
    return found[0] if len(found) == 1 and is_version(found[0]) else None


def is_of_layout(version: str, layout: str) -> bool:
    """Whether a version is one that had the layout; 4.3 and before it is the old one (b.1)."""
    major, minor = (int(part) for part in re.findall(r"[0-9]+", version)[:2])
    return ((major, minor) <= (4, 3)) == (layout == "4.3")


def is_older(version: str, than: str) -> bool:
    """Whether a version came out before another one, by their numbers: ``4.4u2`` before ``4.5``.

    False where they do not tell.
    """
    return is_version(version) and is_version(than) and _rank(version) < _rank(than)


def _rank(version: str) -> tuple[tuple[int, ...], int, int]:
    """Numbers (without zeros at their end), before or after the plain one, number of that."""
    found = _NUMBERS.match(version)
    if found is None:
        raise AssertionError("it begins with a number")
    numbers = [int(part) for part in found[0].split(".")]
    while numbers and numbers[-1] == 0:
        numbers.pop()
    rest = version[found.end() :].lstrip("-+._").lower()
    digits = re.findall(r"[0-9]+", rest)
    place = -1 if rest.startswith(_BEFORE) else 1 if digits else 0
    return (tuple(numbers), place, int(digits[0]) if digits else 0)

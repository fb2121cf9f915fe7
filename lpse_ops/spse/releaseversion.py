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

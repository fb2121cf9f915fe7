"""Comparing versions: the ways of the test ``version``.

``loose`` compares runs of digits and letters; ``strict`` is N.N[.N][aN|bN]; ``semver`` is
https://semver.org; ``pep440`` is the order of Python packages.
"""

import operator
import re
from collections.abc import Callable
from typing import Any

_OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    name: function
    for names, function in (
        (("==", "=", "eq"), operator.eq),
        (("!=", "<>", "ne"), operator.ne),
        (("<", "lt"), operator.lt),
        (("<=", "le"), operator.le),
        ((">", "gt"), operator.gt),
        ((">=", "ge"), operator.ge),
    )
    for name in names
}
_LOOSE = re.compile(r"(\d+|[a-z]+|\.)", re.ASCII)
_STRICT = re.compile(r"^(\d+)\.(\d+)(\.(\d+))?([ab](\d+))?$", re.ASCII)
_SEMVER = re.compile(
    r"^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)"
    r"(?:-((?:0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*)(?:\.(?:0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*))*))?"
    r"(?:\+([0-9a-zA-Z-]+(?:\.[0-9a-zA-Z-]+)*))?$",
    re.ASCII,
)
_PEP440 = re.compile(
    r"^\s*v?(?:(\d+)!)?(\d+(?:\.\d+)*)"
    r"(?:[-_.]?(alpha|beta|preview|pre|a|b|c|rc)[-_.]?(\d+)?)?"
    r"(?:-(\d+)|[-_.]?(post|rev|r)[-_.]?(\d+)?)?"
    r"(?:[-_.]?(dev)[-_.]?(\d+)?)?(?:\+([a-z0-9]+(?:[-_.][a-z0-9]+)*))?\s*$",
    re.IGNORECASE | re.ASCII,
)


class VersionProblem(Exception):
    """Something is no version, or versions cannot be compared this way."""


def compare(left: str, right: str, how: str, kind: str) -> bool:
    """Compare two versions; ``kind`` is loose, strict, semver (semantic) or pep440."""
    if how not in _OPERATORS:
        raise VersionProblem(f"{how!r} is none of {', '.join(_OPERATORS)}")
    if kind not in _KINDS:
        raise VersionProblem(f"{kind!r} is none of {', '.join(_KINDS)}")
    parse = _KINDS[kind]
    try:
        return _OPERATORS[how](parse(left), parse(right))
    except TypeError:
        raise VersionProblem(f"{left!r} and {right!r} cannot be compared") from None


def parse_loose(text: str) -> list[int | str]:
    parts = (part for part in _split_loose(text) if part and part != ".")
    return [int(part) if part.isdecimal() else part for part in parts]


def _split_loose(text: str) -> list[str]:
    return _LOOSE.split(text)


def parse_strict(text: str) -> Any:
    match = _STRICT.match(text)
    if not match:
        raise VersionProblem(f"{text!r} is no strict version such as 1.2.3 or 1.2b1")
    major, minor, _, patch, mark, number = match.groups()
    # Nothing comes after a and b.
    return int(major), int(minor), int(patch or 0), (mark[0] if mark else "z", int(number or 0))


def parse_semver(text: str) -> Any:
    match = _SEMVER.match(text)
    if not match:
        raise VersionProblem(f"{text!r} is no semantic version such as 1.2.3 or 1.2.3-rc.1")
    major, minor, patch, prerelease, _build = match.groups()
    parts = [_semver_part(part) for part in prerelease.split(".")] if prerelease else []
    return int(major), int(minor), int(patch), prerelease is None, parts


def _semver_part(part: str) -> tuple[bool, int, str]:
    """Numbers come before words."""
    return (False, int(part), "") if part.isdecimal() else (True, 0, part)


_PRERELEASES = {"alpha": "a", "beta": "b", "c": "rc", "pre": "rc", "preview": "rc"}
_LOWEST, _HIGHEST = (-1,), (2,)


def parse_pep440(text: str) -> Any:
    match = _PEP440.match(text)
    if not match:
        raise VersionProblem(f"{text!r} is no version of PEP 440")
    epoch, release, pre, pre_number, post1, post, post2, dev, dev_number, local = match.groups()
    numbers = [int(part) for part in release.split(".")]
    while len(numbers) > 1 and not numbers[-1]:
        numbers.pop()
    has_post = post1 is not None or post is not None
    if pre:
        word = _PRERELEASES.get(pre.lower(), pre.lower())
        pre_key: Any = (0, word, int(pre_number or 0))
    else:
        pre_key = _LOWEST if dev and not has_post else _HIGHEST
    post_key = (0, int(post1 or post2 or 0)) if has_post else _LOWEST
    dev_key = (0, int(dev_number or 0)) if dev else _HIGHEST
    return int(epoch or 0), numbers, pre_key, post_key, dev_key, _local_key(local)


def _local_key(local: str | None) -> Any:
    if local is None:
        return _LOWEST
    parts = re.split(r"[-_.]", local.lower())
    return (0, [(1, int(part), "") if part.isdecimal() else (0, 0, part) for part in parts])


_KINDS: dict[str, Callable[[str], Any]] = {
    "loose": parse_loose,
    "strict": parse_strict,
    "semver": parse_semver,
    "semantic": parse_semver,
    "pep440": parse_pep440,
}

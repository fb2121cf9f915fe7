"""Versions of Python packages, compared as PEP 440 says; names of packages and their versions.

Runs on the managed host: standard library and ``lpse_ops.agent`` only, Python 3.6.  Hosts need not
have the library that does this for pip.
"""

import re
from typing import Any, List, NamedTuple, Optional, Sequence, Tuple

_VERSION = re.compile(
    r"""v?(?:(?P<epoch>\d+)!)?(?P<release>\d+(?:\.\d+)*)
    (?:[-_.]?(?P<pre>a|alpha|b|beta|c|rc|pre|preview)[-_.]?(?P<pre_number>\d*))?
    (?P<post>-(?P<post_short>\d+)|[-_.]?(?:post|rev|r)[-_.]?(?P<post_number>\d*))?
    (?P<dev>[-_.]?dev[-_.]?(?P<dev_number>\d*))?
    (?:\+(?P<local>[a-z0-9]+(?:[-_.][a-z0-9]+)*))?\Z""",
    re.VERBOSE | re.IGNORECASE,
)
_PRE = {"alpha": "a", "beta": "b", "c": "rc", "pre": "rc", "preview": "rc"}
_CLAUSE = re.compile(r"\s*(===|~=|==|!=|<=|>=|<|>)\s*([^\s,;]+)\s*\Z")
_PLAIN = re.compile(
    r"\s*([A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)\s*(?:\[([^\]]*)\])?\s*\(?([^;@()]*)\)?\s*\Z"
)
# Before and after everything else in its place.
_LOWEST, _HIGHEST = (-1,), (2,)


class Version(NamedTuple):
    """The parts of a version; ``key`` orders them."""

    epoch: int
    release: Tuple[int, ...]
    pre: Optional[Tuple[str, int]]
    post: Optional[int]
    dev: Optional[int]
    local: Tuple[Any, ...]

    def key(self) -> Tuple[Any, ...]:
        return (*self.public_key(), self.local)

    def public_key(self) -> Tuple[Any, ...]:
        pre: Tuple[Any, ...] = _HIGHEST
        if self.pre is not None:
            pre = (1, *self.pre)
        elif self.post is None and self.dev is not None:
            pre = _LOWEST
        post = _LOWEST if self.post is None else (1, self.post)
        dev = _HIGHEST if self.dev is None else (1, self.dev)
        return (self.epoch, _stripped(self.release), pre, post, dev)


def parse_version(text: str) -> Optional[Version]:
    """Read a version; None if it is none."""
    found = _VERSION.match(text.strip())
    if not found:
        return None
    part = found.groupdict()
    pre = None
    if part["pre"]:
        word = part["pre"].lower()
        pre = (_PRE.get(word, word), int(part["pre_number"] or 0))
    post = None
    if part["post"]:
        post = int(part["post_short"] or part["post_number"] or 0)
    return Version(
        int(part["epoch"] or 0),
        tuple(map(int, part["release"].split("."))),
        pre,
        post,
        int(part["dev_number"] or 0) if part["dev"] else None,
        _local_key(part["local"]),
    )


def _local_key(text: Optional[str]) -> Tuple[Any, ...]:
    words = re.split("[-_.]", text.lower()) if text else []
    return tuple((1, int(word), "") if word.isdigit() else (0, 0, word) for word in words)


def _stripped(release: Sequence[int]) -> Tuple[int, ...]:
    kept = list(release)
    while kept and not kept[-1]:
        kept.pop()
    return tuple(kept)


class Requirement(NamedTuple):
    """A package by its name, with clauses (operator, version) that its version must fit."""

    name: str
    extras: Tuple[str, ...]
    clauses: Tuple[Tuple[str, str], ...]

    def __str__(self) -> str:
        extras = "[{}]".format(",".join(sorted(self.extras))) if self.extras else ""
        return self.name + extras + ",".join(sorted("".join(each) for each in self.clauses))


def parse_requirement(text: str) -> Optional[Requirement]:
    """Read ``name[extra]>=1,<2``; None for what is no such thing: a path, a URL, a marker."""
    found = _PLAIN.match(text)
    if not found:
        return None
    name, extras, rest = found.groups()
    clauses: List[Tuple[str, str]] = []
    for clause in rest.split(",") if rest.strip() else []:
        words = _CLAUSE.match(clause)
        if not words:
            return None
        clauses.append((words.group(1), words.group(2)))
    names = tuple(each.strip() for each in (extras or "").split(",") if each.strip())
    return Requirement(name, names, tuple(clauses))


def canonical_name(name: str) -> str:
    """The name as all ways to write it have it in common."""
    return re.sub("[-_.]+", "-", name).lower()


def fits(version: str, clauses: Sequence[Tuple[str, str]]) -> bool:
    """Whether a version fits all clauses; a version that is none fits only ``===``."""
    return all(_fits(version, operator, wanted) for operator, wanted in clauses)


def _fits(text: str, operator: str, wanted_text: str) -> bool:
    if operator == "===":
        return text.lower() == wanted_text.lower()
    version = parse_version(text)
    if wanted_text.endswith(".*") and operator in ("==", "!="):
        prefix = parse_version(wanted_text[:-2])
        is_there = bool(version and prefix and _starts_with(version, prefix))
        return is_there == (operator == "==") and None not in (version, prefix)
    wanted = parse_version(wanted_text)
    if version is None or wanted is None:
        return False
    return _compare(version, operator, wanted)


def _starts_with(version: Version, prefix: Version) -> bool:
    padded = version.release + (0,) * (len(prefix.release) - len(version.release))
    if version.epoch != prefix.epoch or padded[: len(prefix.release)] != prefix.release:
        return False
    return prefix.pre is None or version.pre == prefix.pre


def _compare(version: Version, operator: str, wanted: Version) -> bool:
    own, other = version.public_key(), wanted.public_key()
    if operator in ("==", "!="):
        same = version.key() == wanted.key() if wanted.local else own == other
        return same == (operator == "==")
    if operator == ">=":
        return own >= other
    if operator == "<=":
        return own <= other
    if operator == "~=":
        prefix = wanted._replace(release=wanted.release[:-1], pre=None, post=None, dev=None)
        return own >= other and len(wanted.release) > 1 and _starts_with(version, prefix)
    if operator == "<":
        # 1.0rc1 is not what somebody means who wants less than 1.0.
        is_before = _is_before(version) and not _is_before(wanted)
        return own < other and not (is_before and _same_base(version, wanted))
    is_after = version.post is not None and wanted.post is None
    is_kin = _same_base(version, wanted) and (is_after or bool(version.local))
    return own > other and not is_kin


def _is_before(version: Version) -> bool:
    return version.pre is not None or version.dev is not None


def _same_base(first: Version, second: Version) -> bool:
    bases = [(each.epoch, _stripped(each.release)) for each in (first, second)]
    return bases[0] == bases[1]

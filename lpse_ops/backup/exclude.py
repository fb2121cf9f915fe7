"""What a backup leaves out and what a restore selects: restic's rules, flag by flag.

Patterns look at names only, never at the type.  Paths are absolute and in the file system's bytes.
A walk asks from the top down and does not enter what is rejected; asked out of order the answers
are the same, because a pattern that matches a directory matches everything below it.
"""

import itertools
import os
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from lpse_ops.backup.pathpattern import PathPattern, parse_pattern
from lpse_ops.errors import UsageError

CACHE_TAG = "CACHEDIR.TAG:Signature: 8a477f597d28d172789f06886806bc55"
_SIZE_UNITS = {"b": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40}
_BYTE_ORDER_MARKS = {b"\xef\xbb\xbf": "utf-8", b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}
_VARIABLE = re.compile(
    r"\$(?:\{(?P<braced>[^}]*)\}|\{|(?P<special>[*#$@!?0-9-])|(?P<name>[A-Za-z0-9_]+))"
)
_Search = Callable[[bytes], object]
# Whether a folder holds a file of a name that begins so; what cannot be read is none.
HasMark = Callable[[bytes, bytes, bytes], bool]


class Excludes:
    """``--exclude`` (with the lines of ``--exclude-file`` after them) and ``--iexclude``."""

    def __init__(self, patterns: Iterable[str] = (), insensitive: Iterable[str] = ()) -> None:
        self._exact = _PatternList(patterns)
        self._folded = _PatternList(lower(one) for one in insensitive)

    def rejects(self, path: bytes) -> bool:
        if self._exact.matches(path):
            return True
        return bool(self._folded) and self._folded.matches(lower_path(path))

    def selected(self, path: bytes, *, is_dir: bool) -> tuple[bool, bool]:
        """For a restore: is it restored, and is its inside looked at?"""
        wanted = not self.rejects(path)
        return wanted, wanted and is_dir


class Includes:
    """``--include`` and ``--iinclude`` of a restore, each with the lines of its files."""

    def __init__(self, patterns: Iterable[str] = (), insensitive: Iterable[str] = ()) -> None:
        self._exact = _PatternList(patterns)
        self._folded = _PatternList(lower(one) for one in insensitive)

    def selected(self, path: bytes, *, is_dir: bool) -> tuple[bool, bool]:
        """For a restore: is it restored, and is its inside looked at?"""
        matched, inside = self._exact.matches_or_leads(path)
        if self._folded:
            also, also_inside = self._folded.matches_or_leads(lower_path(path))
            matched, inside = matched or also, inside or also_inside
        return matched, inside and is_dir


class _PatternList:
    """Patterns in their order: each negated one takes back what those before it matched."""

    def __init__(self, texts: Iterable[str]) -> None:
        patterns = [parse_pattern(text) for text in texts if text]
        # Neighbours of one kind become one expression.
        self._groups = [
            _Group(negated, list(group))
            for negated, group in itertools.groupby(patterns, lambda one: one.negated)
        ]

    def __bool__(self) -> bool:
        return bool(self._groups)

    def matches(self, path: bytes) -> bool:
        matched = False
        for group in self._groups:
            # A negated group matters only to what is matched, the others only to what is not.
            if group.negated is matched and group.search(path):
                matched = not matched
        return matched

    def matches_or_leads(self, path: bytes) -> tuple[bool, bool]:
        matched = leads = False
        for group in self._groups:
            found = bool(group.search(path))
            if group.negated:
                matched, leads = matched and not found, leads and not found
            else:
                matched, leads = matched or found, leads or bool(group.leads(path))
        return matched, leads


class _Group:
    def __init__(self, negated: bool, patterns: list[PathPattern]) -> None:
        self.negated = negated
        self.search: _Search = _any_of([one.match for one in patterns])
        approaches = [one.approach for one in patterns]
        narrow = [one for one in approaches if one is not None]
        self.leads: _Search = (lambda _: True) if None in approaches else _any_of(narrow)


def _any_of(expressions: list[bytes]) -> _Search:
    """Join expressions; those that may begin anywhere share their ``/``, which ``re`` looks for."""
    floating = [one.removeprefix(b"/") for one in expressions if one.startswith(b"/")]
    others = [one for one in expressions if not one.startswith(b"/")]
    shared = [rb"/(?:" + b"|".join(floating) + b")"] if floating else []
    return re.compile(b"|".join(shared + others)).search


def lower_path(path: bytes) -> bytes:
    """Fold as restic does: character by character; bytes that are no UTF-8 become U+FFFD."""
    if path.isascii():
        return path.lower()
    return lower(path.decode("utf-8", "surrogateescape")).encode()


def lower(text: str) -> str:
    return "".join(map(_lower_character, text))


def _lower_character(character: str) -> str:
    if "\udc80" <= character <= "\udcff":
        return "\ufffd"
    # The only character that str.lower makes two of is U+0130; Go makes it "i".
    return character.lower()[0]


# --- --exclude-file, --include-file and the like ------------------------------------------------


def parse_pattern_file(content: bytes, environment: Mapping[str, str]) -> list[str]:
    """Return the patterns: no blank lines, no ``#`` comments, ``$VAR`` and ``${VAR}`` replaced.

    ``$$`` is a dollar sign; a variable that is not set is empty.
    """
    lines = [line.strip() for line in _decode(content).split("\n")]
    return [
        _VARIABLE.sub(lambda found: _value(found, environment), line)
        for line in lines
        if line and not line.startswith("#")
    ]


def _decode(content: bytes) -> str:
    for mark, encoding in _BYTE_ORDER_MARKS.items():
        if content.startswith(mark):
            start = len(mark) if encoding == "utf-8" else 0
            return content[start:].decode(encoding, "surrogateescape")
    return content.decode("utf-8", "surrogateescape")


def _value(found: re.Match[str], environment: Mapping[str, str]) -> str:
    name = found["braced"] or found["special"] or found["name"] or ""
    return "$" if name == "$" else environment.get(name, "")


# --- --exclude-if-present, --exclude-caches, --exclude-larger-than ------------------------------


@dataclass(frozen=True)
class IfPresent:
    """A file ``name`` (that begins with ``header``) marks its directory as not worth keeping.

    The directory itself stays, with the mark alone in it.
    """

    name: bytes
    header: bytes = b""


def parse_if_present(spec: str) -> IfPresent:
    """Parse ``NAME[:header]``."""
    name, _, header = spec.partition(":")
    if not name:
        raise UsageError(
            f"--exclude-if-present {spec!r} names no file",
            hint="write NAME or NAME:first-bytes, as in --exclude-if-present .nobackup",
        )
    return IfPresent(os.fsencode(name), os.fsencode(header))


def kept_names(
    rules: Iterable[IfPresent], dir_path: bytes, has_mark: HasMark
) -> frozenset[bytes] | None:
    """Return the only names kept in a directory, None for all.

    Each rule spares its own mark only, so two marks in one directory reject each other.
    """
    marks = [frozenset([rule.name]) for rule in rules if has_mark(dir_path, rule.name, rule.header)]
    return frozenset.intersection(*marks) if marks else None


def parse_size(text: str) -> int:
    """Parse ``--exclude-larger-than``: a number with k, m, g or t (powers of 1024) or none.

    Files that are larger are rejected, equal ones are not, directories never.
    """
    unit = _SIZE_UNITS.get(text[-1:].lower())
    digits = text if unit is None else text[:-1]
    if not re.fullmatch(r"\+?[0-9]+", digits):
        raise UsageError(
            f"{text!r} is not a size", hint="write for example --exclude-larger-than 500M"
        )
    return int(digits) * (unit or 1)

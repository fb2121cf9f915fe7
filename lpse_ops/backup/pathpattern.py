r"""One pattern of ``--exclude`` or ``--include``, as a regular expression over bytes.

The meaning is restic's to the last byte, so it is Go's ``filepath.Match`` component by component:
``*`` and ``?`` stay inside a component, ``?`` and classes eat one UTF-8 character or one byte that
is none, literals compare bytes, ``[^a-z]`` negates, ``\`` escapes, ``**`` spans components.  A
pattern that matches a directory matches everything below it.  A regular expression is the quick
way: it is asked once for each of some 100 000 files.
"""

import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass

from lpse_ops.errors import UsageError

_STAR = rb"[^/]*"
_END = rb"(?=/|\Z)"
_VALID = (
    rb"[\xc2-\xdf][\x80-\xbf]|\xe0[\xa0-\xbf][\x80-\xbf]|[\xe1-\xec\xee\xef][\x80-\xbf]{2}"
    rb"|\xed[\x80-\x9f][\x80-\xbf]|\xf0[\x90-\xbf][\x80-\xbf]{2}|[\xf1-\xf3][\x80-\xbf]{3}"
    rb"|\xf4[\x80-\x8f][\x80-\xbf]{2}"
)
_CHARACTER = rb"(?>[^/\x80-\xff]|" + _VALID + rb"|[\x80-\xff])"
# Go reads a byte that is no UTF-8 as U+FFFD, hence a class that holds U+FFFD matches it.
_REPLACEMENT = 0xFFFD
_STRAY_BYTE = rb"(?!" + _VALID + rb")[\x80-\xff]"
# Blocks whose characters take 1, 2, 3, 3 and 4 bytes; surrogates lie in the gap.
_BLOCKS = ((0, 0x7F), (0x80, 0x7FF), (0x800, 0xD7FF), (0xE000, 0xFFFF), (0x10000, 0x10FFFF))


@dataclass(frozen=True)
class PathPattern:
    """``match`` is searched in an absolute path; ``approach`` finds directories on the way there.

    ``approach`` is None when something below any directory may match.
    """

    negated: bool
    match: bytes
    approach: bytes | None


def parse_pattern(text: str) -> PathPattern:
    """Compile one pattern, or raise ``UsageError``.  ``text`` is as ``os.fsdecode`` gives it."""
    negated = text.startswith("!")
    try:
        rooted, parts = _split(text[1:] if negated else text)
        components = [None if part in (b"", b"**") else _component(part) for part in parts]
    except _BadPattern as error:
        raise UsageError(
            f"the pattern {text!r} is malformed: {error}",
            hint=r"close every [ in the same part of the path; write \[ or \\ for a plain [ or \,"
            " as in --exclude '/srv/old\\[1]'",
        ) from error
    return PathPattern(negated, _match(rooted, components), _approach(rooted, components))


class _BadPattern(Exception):
    pass


def _split(text: str) -> tuple[bool, list[bytes]]:
    clean = posixpath.normpath(text)
    rooted = clean.startswith("/")
    # Splitting "/" leaves one empty part, which restic takes for "**"; so do we.
    return rooted, clean.lstrip("/").encode("utf-8", "surrogateescape").split(b"/")


# --- components to a path: None stands for ** ---------------------------------------------------


def _match(rooted: bool, components: list[bytes | None]) -> bytes:
    """Return an expression to search in a path.

    restic counts each ``**`` still to come as one component of the path, even where it then stands
    for none: ``/a/**/c/**`` does not match ``/a/b/c`` itself.  The components left of the match
    count too, so patterns that may begin anywhere feel this from the third ``**`` on.
    """
    if rooted:
        return rb"\A" + (_body(components, 0, rooted=True) or rb"/")
    if not any(components):
        left = rb"(?=(?:/[^/]*){%d})" % max(len(components) - 2, 0)
        return rb"\A" + left + rb"/" + _STAR + _END
    free = max(components.count(None) - 1, 1)
    expressions = [
        rb"\A(?:/[^/]*){%d}" % (before - 1) + _body(components, before, rooted=False)
        for before in range(1, free)
    ]
    start = rb"\A(?:/[^/]*){%d,}?" % (free - 1) if free > 1 else b""
    return b"|".join([*expressions, start + _body(components, free, rooted=False)])


def _body(components: list[bytes | None], before: int, *, rooted: bool) -> bytes:
    """``before`` components of the path, its root among them, are in front of the match."""
    expression = b""
    for index, component in enumerate(components):
        later = components[index + 1 :]
        if component is not None:
            expression += rb"/" + component + (b"" if any(later) else _END)
            continue
        # What matches a directory matches all below it, so ** adds nothing at the end; neither
        # does it in front of a pattern that may begin anywhere.
        if any(later) and (expression or rooted):
            expression += rb"(?:/[^/]*)*?"
        if None in later and len(later) > before:
            expression += rb"(?=(?:/[^/]*){%d})" % (len(later) - before)
    return expression


def _approach(rooted: bool, components: list[bytes | None]) -> bytes | None:
    if not rooted or components[0] is None:
        return None
    nested = b""
    for component in reversed(list(_before_gap(components))):
        nested = rb"/" + component + (rb"(?:\Z|" + nested + rb")" if nested else _END)
    return rb"\A" + nested


def _before_gap(components: list[bytes | None]) -> Iterator[bytes]:
    for component in components:
        if component is None:
            return
        yield component


# --- one component: Go's filepath.Match ---------------------------------------------------------


def _component(part: bytes) -> bytes:
    chunks = [b""]
    for token in _tokens(part):
        if token is None:
            chunks.append(b"")
        else:
            chunks[-1] += token
    first, *others = chunks
    if not others:
        return first
    # Go takes the leftmost place where the text between two stars fits and never looks back.
    middle = b"".join(rb"(?>[^/]*?" + chunk + rb")" for chunk in others[:-1] if chunk)
    return first + middle + _STAR + others[-1]


def _tokens(part: bytes) -> Iterator[bytes | None]:
    """Yield a regular expression for each character of the pattern, None for a star."""
    at = 0
    while at < len(part):
        head = part[at : at + 1]
        at += 1
        if head == b"*":
            yield None
        elif head == b"?":
            yield _CHARACTER
        elif head == b"[":
            expression, at = _class(part, at)
            yield expression
        elif head == b"\\":
            if at == len(part):
                raise _BadPattern("nothing follows its last backslash")
            yield re.escape(part[at : at + 1])
            at += 1
        else:
            yield re.escape(head)


def _class(part: bytes, at: int) -> tuple[bytes, int]:
    r"""Read a class from behind its ``[``; return its expression and where the pattern goes on."""
    negated = part[at : at + 1] == b"^"
    at += negated
    ranges: list[tuple[int, int]] = []
    while not (ranges and part[at : at + 1] == b"]"):
        low, at = _class_character(part, at)
        high = low
        if part[at : at + 1] == b"-":
            high, at = _class_character(part, at + 1)
        ranges.append((low, high))
    inside = b"|".join(_alternatives(ranges)) or rb"(?!)"
    if negated:
        return rb"(?!" + inside + rb")" + _CHARACTER, at + 1
    return rb"(?!/)(?>" + inside + rb")", at + 1


def _class_character(part: bytes, at: int) -> tuple[int, int]:
    if part[at : at + 1] in (b"-", b"]"):
        raise _BadPattern("a class begins or ends with - or is empty")
    at += part[at : at + 1] == b"\\"
    for end in range(at + 1, min(at + 4, len(part)) + 1):
        try:
            character = part[at:end].decode()
        except UnicodeDecodeError:
            continue
        if end < len(part):
            return ord(character), end
    raise _BadPattern("a class is not closed, or holds a byte that is not UTF-8")


def _alternatives(ranges: list[tuple[int, int]]) -> Iterator[bytes]:
    for low, high in ranges:
        for first, last in _BLOCKS:
            begin, end = max(low, first), min(high, last)
            if begin <= end:
                yield from _sequences(chr(begin).encode(), chr(end).encode())
        if low <= _REPLACEMENT <= high:
            yield _STRAY_BYTE


def _sequences(low: bytes, high: bytes) -> Iterator[bytes]:
    """Yield expressions for all UTF-8 sequences from ``low`` to ``high``, of equal length."""
    first, last, tail = low[0], high[0], len(low) - 1
    if first == last or not tail:
        rest = _sequences(low[1:], high[1:]) if tail else iter([b""])
        yield from (_bytes(first, last) + one for one in rest)
        return
    lowest, highest = b"\x80" * tail, b"\xbf" * tail
    if low[1:] != lowest:
        yield from (_bytes(first, first) + one for one in _sequences(low[1:], highest))
        first += 1
    if high[1:] != highest:
        yield from (_bytes(last, last) + one for one in _sequences(lowest, high[1:]))
        last -= 1
    if first <= last:
        yield _bytes(first, last) + rb"[\x80-\xbf]" * tail


def _bytes(first: int, last: int) -> bytes:
    return rb"[\x%02x-\x%02x]" % (first, last)

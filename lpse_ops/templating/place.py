"""Where in a file an error in a template is: the place of one word inside a ``Text``.

YAML tells where a scalar begins, not where its characters went: quotes, ``|`` and folding move
them.  So the word is looked up in the file itself, which happens only once something failed.
"""

import re
from pathlib import Path

from lpse_ops.marked import Origin
from lpse_ops.templating.markers import Source
from lpse_ops.vault import is_sealed

_MAX_BYTES = 4 * 1024 * 1024
_BLOCKS = re.compile(r"\{\{.*?\}\}|\{%.*?%\}", re.DOTALL)


def find_word(source: Source, word: str, line: int, *, is_member: bool) -> int:
    """Offset of the first such name in a template, outside of its plain text, from a line on.

    Offset of the line where it is not found.  Lines count from 1; 0 means that it is not known.
    A member comes after a dot or in brackets, a variable does not.
    """
    text = source.text
    start = _line_start(text, line) if line else 0
    if not word:
        return start
    blocks = (
        [(0, len(text))] if source.is_expression else [m.span() for m in _BLOCKS.finditer(text)]
    )
    name = re.escape(word)
    as_member, as_variable = rf"(?<=[.'\"\[]){name}(?!\w)", rf"(?<![\w.]){name}(?!\w)"
    for pattern in (as_member, as_variable) if is_member else (as_variable, as_member):
        for first, last in blocks:
            match = re.compile(pattern).search(text, max(first, start), last)
            if match:
                return match.start()
    return start


def _line_start(source: str, line: int) -> int:
    start = sum(len(each) + 1 for each in source.split("\n")[: line - 1])
    return min(start, len(source))


def place_in_file(origin: Origin, source: str, offset: int) -> Origin:
    """The place of an offset when the source is the whole file."""
    before = source[:offset]
    return origin._replace(line=before.count("\n") + 1, column=len(before) - before.rfind("\n"))


def place_in_scalar(origin: Origin, text: str, offset: int) -> Origin:
    """The place of an offset of a scalar that begins at ``origin``; ``origin`` if in doubt."""
    if not origin.line:
        return origin
    content = _read(origin.file)
    word = _word_at(text, offset)
    if content is None or not word:
        return origin
    start = _line_start(content, origin.line) + max(origin.column - 1, 0)
    # As often as the word comes before in the text, it comes before in the file.
    for _ in range(text.count(word, 0, offset)):
        start = content.find(word, start) + len(word)
    found = content.find(word, start)
    return place_in_file(origin, content, found) if found >= start else origin


def _word_at(text: str, offset: int) -> str:
    match = re.compile(r"\w+|[^\w\n]+").match(text, offset)
    return match.group() if match else ""


def _read(file: str) -> str | None:
    """The text of a file; None for what is sealed, gone, or would make us wait."""
    path = Path(file)
    try:
        if not path.is_file():
            return None
        with path.open("rb") as stream:
            content = stream.read(_MAX_BYTES)
    except (OSError, ValueError):
        return None
    return None if is_sealed(content) else content.decode("utf-8-sig", "replace")

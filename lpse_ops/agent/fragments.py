"""Fragments of a folder joined into one file; the host and the controller do it alike.

Standard library only, Python 3.6.
"""

import os
import re
from typing import Any, Callable, Dict, Iterator, Match, Pattern

Write = Callable[[bytes], Any]
Read = Callable[[str], bytes]

_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "\\": "\\", "0": "\0", "a": "\a", "f": "\f", "v": "\v"}
_ESCAPE = re.compile(r"\\(x[0-9a-fA-F]{2}|.)", re.DOTALL)


class FragmentProblem(ValueError):
    """The fragments cannot be chosen or read."""


def read_file(path: str) -> bytes:
    """All of a fragment."""
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError as error:
        raise FragmentProblem(f"cannot read {path}: {error.strerror}") from error


def assemble(folder: str, args: Dict[str, Any], write: Write, read: Read = read_file) -> None:
    """Write all fragments in the order of their names, with the delimiter between them."""
    delimiter = unescape(args["delimiter"]) if args["delimiter"] else b""
    ends_well = True
    for number, path in enumerate(chosen_fragments(folder, args)):
        if not ends_well:
            write(b"\n")
        if number and delimiter:
            write(delimiter if delimiter.endswith(b"\n") else delimiter + b"\n")
        content = read(path)
        write(content)
        ends_well = content.endswith(b"\n")


def chosen_fragments(folder: str, args: Dict[str, Any]) -> Iterator[str]:
    """Paths of the files that ``regexp`` and ``ignore_hidden`` let through, in order."""
    pattern = _compile(args["regexp"]) if args["regexp"] else None
    for name in sorted(os.listdir(folder)):
        path = os.path.join(folder, name)
        hidden = args["ignore_hidden"] and name.startswith(".")
        if (pattern is None or pattern.search(name)) and os.path.isfile(path) and not hidden:
            yield path


def unescape(text: str) -> bytes:
    r"""A delimiter's bytes: ``\n`` and the like in it are what they stand for."""
    return _ESCAPE.sub(_escaped, text).encode("utf-8", "surrogateescape")


def _escaped(match: "Match[str]") -> str:
    code = match.group(1)
    if len(code) == 3:
        return chr(int(code[1:], 16))
    return _ESCAPES.get(code, match.group())


def _compile(text: str) -> "Pattern[str]":
    try:
        return re.compile(text)
    except re.error as error:
        raise FragmentProblem(f'Invalid Regexp ({error}) in "{text}"') from error

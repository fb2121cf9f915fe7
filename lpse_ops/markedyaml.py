"""YAML as Ansible reads it: YAML 1.1, with the place of every string, mapping, list and key.

``!vault`` stays sealed until it is used, ``!unsafe`` is never a template, a key that appears twice
is worth a warning and the last one wins.  Files may come from anyone: size, depth, long numbers and
the expansion of aliases are bounded.  JSON is read by JSON's rules, as Ansible does.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import yaml

from lpse_ops.errors import PlaybookError
from lpse_ops.marked import Map, Origin, Seq, Text
from lpse_ops.markedbuild import (
    LOADER,
    SYNTAX_HINT,
    Builder,
    Duplicates,
    Note,
    Warn,
    check_depth,
    resolve_marker,
)
from lpse_ops.vault import is_sealed

MAX_BYTES = 16 * 1024 * 1024

# What the parser's words mean to who wrote the file.
_HINTS = {
    "could not find expected ':'": "is a ':' missing, here or at the end of the line before?",
    "did not find expected '-'": "indent this line like the lines above it that it belongs to",
    "did not find expected key": "indent this line like the lines above it that it belongs to",
    "while scanning a quoted scalar": "close the quote, and write quotes within it twice",
}
OpenSealed = Callable[[bytes, str], bytes]


def load_marked(
    path: Path,
    *,
    open_sealed: OpenSealed | None = None,
    warn: Warn,
    duplicates: Duplicates = "warn",
    note: Note | None = None,
) -> Any:
    """Read a file of a site; one that is vault-encrypted as a whole goes to ``open_sealed``."""
    try:
        with path.open("rb") as stream:
            # Never the whole of something endless such as a device.
            content = stream.read(MAX_BYTES + 1)
    except OSError as error:
        raise PlaybookError(
            f"cannot read {path}: {error.strerror}", hint="check its name and its permissions"
        ) from error
    if is_sealed(content):
        if open_sealed is None:
            raise PlaybookError(
                f"{path} is vault-encrypted", hint="give --vault-password-file FILE or --vault-id"
            )
        content = open_sealed(content, str(path))
    return parse_marked(content, str(path), warn=warn, duplicates=duplicates, note=note)


def parse_marked(
    content: bytes,
    name: str,
    *,
    warn: Warn,
    duplicates: Duplicates = "warn",
    note: Note | None = None,
) -> Any:
    """Parse one UTF-8 document; an empty one is None.  Errors are PlaybookError with the place.

    ``note`` is told where each key and value of a mapping stands.
    """
    text = _decode(content, name)
    from_json, is_json = _read_json(text)
    builder = Builder(name, text, warn, is_json=is_json, duplicates=duplicates, note=note)
    try:
        return builder.build(yaml.parse(text, Loader=LOADER))
    except yaml.YAMLError as error:
        if is_json:
            # JSON that is no YAML: tabs, or characters written as two escapes.
            return _mark_json(from_json, Origin(name), 0)
        mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
        if "unexpected end of stream" in str(getattr(error, "problem", "")):
            # Where what never ends begins, and not the last line of the file.
            mark = getattr(error, "context_mark", None) or mark
        line, column = (mark.line, mark.column) if mark else (0, 0)
        parts = (getattr(error, "context", None), getattr(error, "problem", None))
        problem = ", ".join(part for part in parts if part) or "this is no YAML"
        hints = (hint for words, hint in _HINTS.items() if words in problem)
        builder.fail(
            line,
            column,
            f"YAML parsing failed: {problem[:1].upper()}{problem[1:]}",
            otherwise=next(hints, SYNTAX_HINT),
        )


def _decode(content: bytes, name: str) -> str:
    if len(content) > MAX_BYTES:
        raise PlaybookError(
            f"{name} is larger than {MAX_BYTES >> 20} MiB", hint="is it the right file?"
        )
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = error.object[: error.start].decode("utf-8-sig")
        _fail_after(before, name, "not UTF-8", hint="save the file as UTF-8 text")
    bad = yaml.reader.Reader.NON_PRINTABLE.search(text)
    if bad:
        _fail_after(text[: bad.start()], name, f"control character {bad.group()!r}")
    return text


def _fail_after(before: str, name: str, problem: str, *, hint: str = SYNTAX_HINT) -> NoReturn:
    place = Origin(name, before.count("\n") + 1, len(before) - before.rfind("\n"))
    raise PlaybookError(f"{place}: {problem}", hint=hint)


def _read_json(text: str) -> tuple[Any, bool]:
    """Return the value of a JSON object or list, and whether the text is one."""
    if text.lstrip()[:1] in ("{", "["):
        try:
            return json.loads(text), True
        except (ValueError, RecursionError):
            pass
    return None, False


def _mark_json(value: Any, origin: Origin, depth: int) -> Any:
    check_depth(depth, origin)
    if isinstance(value, str):
        return Text(value, origin)
    if isinstance(value, list):
        return Seq((_mark_json(each, origin, depth + 1) for each in value), origin=origin)
    if isinstance(value, dict):
        entries = value.items()
        marked = {Text(key, origin): _mark_json(each, origin, depth + 1) for key, each in entries}
        return resolve_marker(Map(marked, origin=origin))
    return value

"""The ``replace`` module: every match of a regular expression in a text file.

Runs on the managed host: standard library and ``lpse_ops.agent`` only, Python 3.6.
"""

import re
from typing import Any, Dict, NamedTuple, Optional, Pattern, Tuple

from lpse_ops.agent import editing
from lpse_ops.agent.context import Context, Failed
from lpse_ops.agent.fileattributes import FILE_ARGUMENTS

ARGUMENTS: Dict[str, Dict[str, Any]] = dict(
    FILE_ARGUMENTS,
    path={"type": "path", "required": True, "aliases": ["dest", "destfile", "name"]},
    regexp={"type": "str", "required": True},
    replace={"type": "str", "default": ""},
    after={"type": "str"},
    before={"type": "str"},
    backup={"type": "bool", "default": False},
    validate={"type": "str"},
    encoding={"type": "str", "default": "utf-8"},
)
CHECK_MODE = "full"
TIDY = True


class Section(NamedTuple):
    """The part of a text that may change."""

    start: int
    end: int


def run(args: Dict[str, Any], context: Context) -> Dict[str, Any]:
    """Replace all matches between ``after`` and ``before``."""
    path = args["path"]
    old = _decoded(editing.read_content(path, create=False) or b"", args)
    result: Dict[str, Any] = {"changed": False, "msg": "", "rc": 0}
    section = find_section(old, args["after"], args["before"])
    if section is None:
        pattern = section_pattern(args["after"], args["before"])
        message = "Pattern for before/after params did not match the given file: {}"
        return dict(result, msg=message.format(pattern))
    new, count = replaced(old, section, args)
    if count and new != old:
        result.update(changed=True, msg=f"{count} replacements made")
        if context.diff_mode:
            sides = {"before_header": path, "before": old, "after_header": path, "after": new}
            result["diff"] = sides
        name = editing.save_content(path, _encoded(new, args), args, context)
        if name:
            result["backup_file"] = name
    editing.apply_attributes(path, args, context, result)
    return result


def section_pattern(after: Optional[str], before: Optional[str]) -> str:
    """The expression whose group ``subsection`` is the part that may change."""
    if after and before:
        return f"{after}(?P<subsection>.*?){before}"
    return "{}(?P<subsection>.*){}".format(after or "", before or "")


def find_section(text: str, after: Optional[str], before: Optional[str]) -> Optional[Section]:
    """Where replacing is allowed; None if ``after`` and ``before`` are nowhere."""
    if not after and not before:
        return Section(0, len(text))
    pattern = _compile(section_pattern(after, before), "after/before", re.DOTALL)
    found = pattern.search(text)
    return Section(found.start("subsection"), found.end("subsection")) if found else None


def replaced(text: str, section: Section, args: Dict[str, Any]) -> Tuple[str, int]:
    """The text with all matches in the section replaced, and how many they were."""
    pattern = _compile(args["regexp"], "regexp", re.MULTILINE)
    try:
        middle, count = pattern.subn(args["replace"], text[section.start : section.end])
    except (re.error, IndexError) as error:
        raise Failed(f"Unable to process replace due to error: {error}") from error
    return text[: section.start] + middle + text[section.end :], count


def _compile(text: str, name: str, flags: int) -> "Pattern[str]":
    try:
        return re.compile(text, flags)
    except re.error as error:
        raise Failed(f"{name} is no regular expression: {text}: {error}") from error


def _decoded(content: bytes, args: Dict[str, Any]) -> str:
    try:
        return content.decode(args["encoding"], "surrogateescape")
    except (LookupError, UnicodeDecodeError) as error:
        raise Failed("cannot read {} as {}: {}".format(*_names(args), error)) from error


def _encoded(text: str, args: Dict[str, Any]) -> bytes:
    try:
        return text.encode(args["encoding"], "surrogateescape")
    except UnicodeEncodeError as error:
        raise Failed("cannot write {} as {}: {}".format(*_names(args), error)) from error


def _names(args: Dict[str, Any]) -> Tuple[str, str]:
    return args["path"], args["encoding"]

"""What a task wants of an INI file, and the lines that come of it: pure.

Runs on the managed host: standard library and ``lpse_ops.agent`` only, Python 3.6.  Lines keep
their order and their comments; only those that the task is about are written anew.
"""

import re
from typing import Dict, List, Match, NamedTuple, Optional, Sequence, Tuple

_BLANK_OR_COMMENT = re.compile(r"[ \t]*([#;].*)?$")
_VALUE = "value"
# What the lines before the first section are under; no line of a file can hold a NUL like this.
_TOP = "[\0]\n"


class Wanted(NamedTuple):
    """What a task says; ``section`` None means the lines before the first one.

    ``conditions``: option -> values, any of which a section must hold; no values: it must only
    have the option.  ``touch_comments``: a line that is commented out is the option's as well.
    """

    section: Optional[str] = None
    option: Optional[str] = None
    values: Tuple[str, ...] = ()
    conditions: Sequence[Tuple[str, Sequence[str]]] = ()
    exclusive: bool = True
    spaces: bool = True
    ignore_spaces: bool = False
    allow_no_value: bool = False
    touch_comments: bool = True

    def line(self, option: str, value: Optional[str] = None) -> str:
        if value is None:
            return option + "\n"
        return "{}{}{}\n".format(option, " = " if self.spaces else "=", value)


class Edit(NamedTuple):
    """All lines as they should be, and what was done to them in Ansible's words."""

    lines: List[str]
    message: str


class _Parts(NamedTuple):
    """A file around one section, whose lines begin with its header; None when it is not there."""

    before: List[str]
    section: Optional[List[str]]
    after: List[str]


def split_text(text: str) -> List[str]:
    """Lines with their ends, every kind of which becomes a newline; at least one line."""
    plain = text.replace("\r\n", "\n").replace("\r", "\n")
    return re.findall(r"[^\n]*\n|[^\n]+", plain)


def plan_present(lines: Sequence[str], wanted: Wanted) -> Edit:
    """The section has the option with all the values."""
    parts = _split(lines, wanted)
    if parts.section is None:
        return _with_new_section(_ended(lines), wanted)
    if wanted.option is None:
        return Edit(_ended(lines), "OK")
    section, message = _with_option(parts.section, wanted, wanted.option)
    return Edit(_join(parts, section), message)


def plan_absent(lines: Sequence[str], wanted: Wanted) -> Edit:
    """The section has not the option, or not with these values; or there is no such section."""
    parts = _split(lines, wanted)
    section = parts.section or []
    if wanted.option is None:
        return Edit(_join(parts, []), "section removed" if section else "OK")
    kept = [line for line in section if not _is_unwanted(line, wanted, wanted.option)]
    return Edit(_join(parts, kept), "OK" if kept == section else "option changed")


def _split(lines: Sequence[str], wanted: Wanted) -> _Parts:
    name = wanted.section
    header = r"\[\0\]" if name is None else rf"\[\s*{re.escape(name.strip())}\s*\]"
    every = [_TOP, *_ended(lines)]
    starts = [place for place, line in enumerate(every) if line.startswith("[")]
    for start, end in zip(starts, [*starts[1:], len(every)]):
        section = every[start:end]
        if re.match(header, section[0]) and _holds(section, wanted.conditions):
            return _Parts(every[:start], section, every[end:])
    return _Parts(every, None, [])


def _join(parts: _Parts, section: List[str]) -> List[str]:
    return [line for line in (*parts.before, *section, *parts.after) if line != _TOP]


def _ended(lines: Sequence[str]) -> List[str]:
    """The lines, the last of which ends; an empty file has an empty line."""
    if not lines:
        return ["\n"]
    return [*lines[:-1], lines[-1].rstrip("\n") + "\n"]


def _holds(section: Sequence[str], conditions: Sequence[Tuple[str, Sequence[str]]]) -> bool:
    for option, values in conditions:
        found = [_match(option, line, comments=True) for line in section]
        if not any(each and (not values or each.group(_VALUE) in values) for each in found):
            return False
    return True


def _match(option: str, line: str, *, comments: bool) -> Optional[Match[str]]:
    """The line as one of an option, also one that is commented out if ``comments`` says so."""
    text = r"[ \t]*{}[ \t]*{}[ \t]*(=|$)[ \t]*(?P<value>.*)"
    return re.match(text.format("[#;]?" if comments else "", re.escape(option)), line)


def _is_unwanted(line: str, wanted: Wanted, option: str) -> bool:
    found = _match(option, line, comments=False)
    return bool(found and (wanted.exclusive or found.group(_VALUE) in wanted.values))


def _with_option(section: Sequence[str], wanted: Wanted, option: str) -> Tuple[List[str], str]:
    """The section's lines with the option, and what was done.

    A line that has one of the values keeps its place; other lines of the option take the values
    that are left, and those that are left over go, as far as the option is to be the only one.
    """
    left = list(wanted.values)
    written: Dict[int, str] = {}
    others: List[int] = []
    for place, line in enumerate(section):
        found = _match(option, line, comments=wanted.touch_comments)
        if found and found.group(_VALUE) in left:
            value = found.group(_VALUE)
            left.remove(value)
            is_bare = not value and wanted.allow_no_value
            written[place] = wanted.line(option, None if is_bare else value)
        elif found:
            others.append(place)
    gone: List[int] = []
    if wanted.allow_no_value:
        if not wanted.values and others:
            written[others[0]] = wanted.line(option)
    elif wanted.exclusive:
        for place in others[: len(left)]:
            written[place] = wanted.line(option, left.pop(0))
        gone = [place for place in others if place not in written]
    return _rewritten(section, wanted, option, written, gone, left)


def _rewritten(
    section: Sequence[str],
    wanted: Wanted,
    option: str,
    written: Dict[int, str],
    gone: Sequence[int],
    left: Sequence[str],
) -> Tuple[List[str], str]:
    lines = [_settle(line, written.get(place), wanted) for place, line in enumerate(section)]
    message = "option changed" if gone or lines != list(section) else "OK"
    new = [wanted.line(option, value) for value in left]
    if wanted.allow_no_value and not wanted.values and not written:
        new = [wanted.line(option)]
    lines = [line for place, line in enumerate(lines) if place not in gone]
    if not new:
        return lines, message
    end = max(place for place, line in enumerate(lines) if not _BLANK_OR_COMMENT.match(line)) + 1
    return [*lines[:end], *new, *lines[end:]], "option added"


def _settle(old: str, new: Optional[str], wanted: Wanted) -> str:
    """What stands where ``old`` stood: itself too if only spaces differ and they do not matter."""
    if new is None:
        return old
    if wanted.ignore_spaces and wanted.option is not None:
        before, after = (_match(wanted.option, line, comments=False) for line in (old, new))
        if before and after and before.group(_VALUE) == after.group(_VALUE):
            return old
    return new


def _with_new_section(lines: Sequence[str], wanted: Wanted) -> Edit:
    added = [f"[{wanted.section}]\n"]
    values = list(wanted.values)
    for option, needed in wanted.conditions:
        if option == wanted.option:
            if not wanted.exclusive:
                values += [value for value in needed if value not in values]
        elif needed:
            added += [wanted.line(option, value) for value in needed]
        elif wanted.allow_no_value:
            added.append(wanted.line(option))
    message = "section and option added"
    if wanted.option is not None and values:
        added += [wanted.line(wanted.option, value) for value in values]
    elif wanted.option is not None and wanted.allow_no_value:
        added.append(wanted.line(wanted.option))
    else:
        message = "only section added"
    return Edit([*lines, *added], message)

"""From what went wrong inside a template to an error that names file, line, column and remedy."""

import difflib
import re
from collections.abc import Iterable, Mapping, Sequence
from types import TracebackType
from typing import Any

from jinja2.exceptions import TemplateSyntaxError

from lpse_ops.errors import OpsError, TemplateError, VaultError
from lpse_ops.templating.markers import Marker, Source
from lpse_ops.templating.place import find_word, place_in_file, place_in_scalar

# Names of the functions there are, by kind: "filter" and "test".
Functions = Mapping[str, Sequence[str]]

_HINT = "correct the template at this place"
_UNKNOWN = re.compile(r"^No (filter|test) named '([^']*)'")
# Our own types, by the names that a person knows.
_TYPES = {"'Text'": "'str'", "'LazyDict'": "'dict'", "'LazyList'": "'list'"}


def template_error(
    message: str,
    source: Source | None,
    *,
    word: str = "",
    is_member: bool = False,
    line: int = 0,
    hint: str = _HINT,
) -> TemplateError:
    """An error at a word of a template, or at a line of it, or at its beginning."""
    origin = None
    if source is not None and source.origin is not None:
        offset = find_word(source, word, line, is_member=is_member)
        place = place_in_file if source.is_file else place_in_scalar
        origin = place(source.origin, source.text, offset)
    where = f"{origin}: " if origin else ""
    return TemplateError(f"{where}{message}", hint=hint, origin=origin)


def marker_error(marker: Marker, names: Iterable[str], functions: Functions) -> OpsError:
    """The error that a marker stands for; ``names`` are the variables there are."""
    if marker.cause is not None:
        return failure(marker.cause, marker.source, marker.line, functions)
    variable = marker.variable
    if variable is None:
        hint = _did_you_mean(marker.word, marker.members).removesuffix(" or ") or _HINT
    else:
        hint = _undefined_hint(variable, names)
    return template_error(
        marker.message,
        marker.source,
        word=marker.word,
        is_member=variable is None,
        line=marker.line,
        hint=hint,
    )


def failure(
    cause: BaseException, source: Source | None, line: int, functions: Functions
) -> OpsError:
    """The error for what was raised inside a template; ``functions`` are filters and tests."""
    if isinstance(cause, VaultError) or (isinstance(cause, TemplateError) and cause.origin):
        return cause
    if isinstance(cause, OpsError):
        return template_error(cause.message, source, line=line, hint=cause.hint)
    message = say(cause)
    unknown = _UNKNOWN.match(message)
    if unknown:
        kind, name = unknown.groups()
        return template_error(
            f"there is no {kind} {name!r} here",
            source,
            word=name.split(".")[-1],
            line=line,
            hint=f"{_did_you_mean(name, functions[kind])}run the playbook under ansible-playbook, "
            f"or use one of: {', '.join(functions[kind])}",
        )
    return template_error(message, source, line=line)


def say(cause: BaseException) -> str:
    """What an exception says, in words that a person knows."""
    if isinstance(cause, RecursionError):
        return "it needs its own value: the variables refer in a circle"
    message = cause.message if isinstance(cause, TemplateSyntaxError) else str(cause)
    for ours, known in _TYPES.items():
        message = (message or "").replace(ours, known)
    return message or type(cause).__name__


def _undefined_hint(name: str, names: Iterable[str]) -> str:
    suggestion = _did_you_mean(name, names)
    return suggestion.removesuffix(" or ") or (
        f"define {name!r}, or write {{{{ {name} | default(...) }}}}"
    )


def _did_you_mean(name: str, names: Iterable[str]) -> str:
    known = [each for each in names if isinstance(each, str)]
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.75)
    return f"did you mean {close[0]!r}? or " if close else ""


def innermost_template(traceback: TracebackType | None) -> tuple[Any, int]:
    """The template that was running when something was raised, and its line; None and 0 if none."""
    running, line = None, 0
    while traceback is not None:
        owner = traceback.tb_frame.f_globals.get("__jinja_template__")
        if owner is not None:
            running, line = owner, owner.get_corresponding_lineno(traceback.tb_lineno)
        traceback = traceback.tb_next
    return running, line

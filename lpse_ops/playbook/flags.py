"""Values of keywords, once they are evaluated; what is wrong with one is said as Ansible does."""

import math
from collections.abc import Callable
from typing import Any

from lpse_ops.agent.conversions import convert
from lpse_ops.errors import PlaybookError, TemplateError
from lpse_ops.playbook.model import Keywords
from lpse_ops.templating.markers import OMIT

# Ansible's, and a little more than three years.
_LONGEST_TIMEOUT_SECONDS = 100_000_000


def given(value: Any) -> Any:
    """An evaluated keyword; one that is ``omit`` counts as not written."""
    return None if value is OMIT else value


def inherited(evaluate: Callable[[Any], Any], keywords: Keywords, name: str) -> Any:
    """What the innermost place that does not omit a keyword says of it, or None."""
    value = evaluate(keywords.get(name))
    if value is not OMIT:
        return value
    around = map(evaluate, reversed(keywords.chain(name)))
    return next((each for each in around if each is not OMIT), None)


def of_keyword(name: str, error: TemplateError) -> TemplateError:
    """The same error, which says of which keyword it is."""
    problem = error.message.removeprefix(f"{error.origin}: ")
    words = f"Error processing keyword {name!r}: {problem}"
    return TemplateError(words, hint=error.hint, origin=error.origin)


def as_flag(name: str, value: Any, *, default: bool = False) -> bool:
    """The value of a keyword; None is the default, a word that is no yes or no an error."""
    if value is None or value == "":
        return default
    try:
        return bool(convert(value, "bool"))
    except ValueError as error:
        hint = f"write {name}: true or {name}: false"
        raise _not_a("bool", name, value, hint) from error


def as_number(name: str, value: Any, *, default: float = 0) -> float:
    """The value of a keyword that counts or measures; None is the default."""
    if value is None or value == "":
        return default
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if not math.isfinite(number) or isinstance(value, bool):
        raise _not_a("float", name, value, f"write a number behind {name}:")
    return number


def as_whole(name: str, value: Any, *, default: int = 0) -> int:
    """The value of a keyword that is a whole number; None is the default."""
    if value is None or value == "":
        return default
    try:
        return int(convert(value, "int"))
    except ValueError as error:
        raise _not_a("int", name, value, f"write a whole number behind {name}:") from error


def as_timeout(value: Any, default: float | None) -> int | float | None:
    """The seconds that a task may take, None for as long as it wants."""
    if value is None or value == "":
        return default or None
    seconds = as_whole("timeout", value)
    if not 0 <= seconds <= _LONGEST_TIMEOUT_SECONDS:
        longest = _LONGEST_TIMEOUT_SECONDS
        raise PlaybookError(
            f"Timeout {seconds} is invalid, it must be between 0 and {longest}.",
            hint="write the seconds that the task may take, 0 for as long as it wants",
        )
    return seconds or None


def _not_a(kind: str, name: str, value: Any, hint: str) -> PlaybookError:
    shown = str(value) if isinstance(value, str) else value
    return PlaybookError(
        f"Error processing keyword {name!r}: "
        f"The value {shown!r} could not be converted to {kind!r}.",
        hint=hint,
    )

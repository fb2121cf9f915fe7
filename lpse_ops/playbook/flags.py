"""Values of keywords, once they are evaluated."""

import math
from typing import Any

from lpse_ops.agent.conversions import convert
from lpse_ops.errors import PlaybookError
from lpse_ops.templating.markers import OMIT


def given(value: Any) -> Any:
    """An evaluated keyword; one that is ``omit`` counts as not written."""
    return None if value is OMIT else value


def as_flag(name: str, value: Any, *, default: bool = False) -> bool:
    """The value of a keyword; None is the default, a word that is no yes or no an error."""
    if value is None or value == "":
        return default
    try:
        return bool(convert(value, "bool"))
    except ValueError as error:
        raise PlaybookError(
            f"the value {value!r} of {name} is neither true nor false",
            hint=f"write {name}: true or {name}: false",
        ) from error


def as_number(name: str, value: Any, *, default: float = 0) -> float:
    """The value of a keyword that counts or measures; None is the default."""
    if value is None or value == "":
        return default
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if not math.isfinite(number) or isinstance(value, bool):
        raise PlaybookError(
            f"the value {value!r} of {name} is no number", hint=f"write a number behind {name}:"
        )
    return number

"""Filters on dates and times."""

import datetime
import time
from typing import Any

from jinja2 import pass_context

from lpse_ops.templating.filters.problem import FilterProblem


# With the context only so that Jinja never takes the result for a constant.
@pass_context
def strftime(_context: Any, form: str, second: Any = None, utc: bool = False) -> str:
    split_time = time.gmtime if utc else time.localtime
    try:
        moment = split_time(None if second is None else float(second))
    except (TypeError, ValueError, OverflowError, OSError):
        raise FilterProblem(f"strftime: {second!r} is no number of seconds") from None
    return time.strftime(form, moment)


def to_datetime(text: str, form: str = "%Y-%m-%d %H:%M:%S") -> datetime.datetime:
    try:
        return datetime.datetime.strptime(text, form)
    except (TypeError, ValueError) as error:
        raise FilterProblem(f"to_datetime: {error}") from None


FILTERS = {"strftime": strftime, "to_datetime": to_datetime}

"""How a filter or a lookup says no."""

from typing import Any

from lpse_ops.templating.markers import type_name


class FilterProblem(Exception):
    """A filter cannot do this; the message names no secret."""


def want(value: Any, kinds: type | tuple[type, ...], filter_name: str, wanted: str) -> None:
    """Raise unless the value is of one of the kinds; ``wanted`` names them for a person."""
    if not isinstance(value, kinds):
        raise FilterProblem(f"{filter_name} needs {wanted}, not {type_name(value)!r}")

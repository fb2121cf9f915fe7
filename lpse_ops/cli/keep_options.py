"""The ``--keep-*`` flags of restic, as a policy."""

import functools
from collections.abc import Callable
from dataclasses import fields
from typing import Any, TypeVar

import click

from lpse_ops.backup.retention import (
    UNLIMITED,
    CalendarDuration,
    KeepPolicy,
    parse_calendar_duration,
    parse_tags,
)

Decorated = TypeVar("Decorated", bound=Callable[..., Any])


class CountType(click.ParamType):  # type: ignore[type-arg] # generic since click 8.5
    """A number, or ``unlimited`` (which is -1)."""

    name = "count"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        if value in ("unlimited", str(UNLIMITED)):
            return UNLIMITED
        try:
            return int(value) if int(value) >= 0 else self.fail("count from 0 on", param, ctx)
        except ValueError:
            self.fail(f"{value!r} is neither a number nor 'unlimited'", param, ctx)


class CalendarDurationType(click.ParamType):  # type: ignore[type-arg] # generic since click 8.5
    """``1y5m7d2h``."""

    name = "duration"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> CalendarDuration:
        if isinstance(value, CalendarDuration):
            return value
        try:
            return parse_calendar_duration(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


_PERIODS = {
    "hourly": "hour",
    "daily": "day",
    "weekly": "week",
    "monthly": "month",
    "yearly": "year",
}
_HELP = {
    "last": "Keep the newest N; 'unlimited' for all, here and below.",
    **{
        name: f"Keep the newest of each of the last N {period}s that have one."
        for name, period in _PERIODS.items()
    },
    "within": "Keep all that are at most so much older than the newest; m is a month.",
    **{
        f"within_{name}": f"Keep the newest of each {period} of so long a time."
        for name, period in _PERIODS.items()
    },
}


def keep_options(command: Decorated) -> Decorated:
    """restic's ``--keep-*`` as the argument ``keep``: a ``KeepPolicy``, or None without any."""

    @functools.wraps(command)
    def with_policy(*args: Any, keep_tag: tuple[str, ...], **options: Any) -> Any:
        values = {name: options.pop(f"keep_{name}") for name in _HELP}
        given = {name: value for name, value in values.items() if value is not None}
        if keep_tag:
            given["tags"] = tuple(map(parse_tags, keep_tag))
        return command(*args, keep=KeepPolicy(**given) if given else None, **options)

    decorated: Any = click.option(
        "--keep-tag",
        multiple=True,
        metavar="TAG[,TAG]",
        help="Keep snapshots with all of these tags.",
    )(with_policy)
    for name, text in reversed(_HELP.items()):
        is_duration = name.startswith("within")
        decorated = click.option(
            f"--keep-{name.replace('_', '-')}",
            type=CalendarDurationType() if is_duration else CountType(),
            metavar="1y5m7d2h" if is_duration else "N",
            help=text,
        )(decorated)
    wrapped: Decorated = decorated
    return wrapped


def policy_fields(policy: KeepPolicy) -> dict[str, Any]:
    """A policy in JSON output: the rules it has, durations as they are typed."""
    named = {field.name: getattr(policy, field.name) for field in fields(policy)}
    return {
        name: str(value) if isinstance(value, CalendarDuration) else value
        for name, value in named.items()
        if value
    }

"""Options that many commands share, and the parameter types for sizes and durations.

The decorators store what they read in the ``App``; only ``format_option`` and ``output_option``
hand values to the command, because only the command knows what it emits.
"""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

import click

from lpse_ops.cli.sizes import parse_size
from lpse_ops.cli.wiring import App
from lpse_ops.duration import parse_duration

Decorated = TypeVar("Decorated", bound=Callable[..., Any])


class SizeType(click.ParamType):  # type: ignore[type-arg] # generic since click 8.5
    name = "size"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        if isinstance(value, int):
            return value
        try:
            return parse_size(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


class DurationType(click.ParamType):  # type: ignore[type-arg] # generic since click 8.5
    name = "duration"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> timedelta:
        if isinstance(value, timedelta):
            return value
        try:
            return parse_duration(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


SIZE = SizeType()
DURATION = DurationType()
FILE = click.Path(path_type=Path)


def _remember(ctx: click.Context, param: click.Parameter, value: Any) -> None:
    """Store an option in the App; the same option may stand before and after the command's name."""
    app = ctx.find_object(App)
    if app is not None and param.name is not None and value not in (None, False):
        setattr(app, param.name, value)


def _remembered(*names: str, **attributes: Any) -> Callable[[Decorated], Decorated]:
    return click.option(*names, expose_value=False, callback=_remember, **attributes)


_settings_option = _remembered(
    "--settings", "settings_file", type=FILE, metavar="FILE", help="Settings file to use."
)
_quiet_option = _remembered("--quiet", "-q", is_flag=True, help="Only errors and warnings.")
_repo_option = _remembered(
    "--repo",
    "-r",
    metavar="LOCATION",
    envvar="LPSE_OPS_REPO",
    show_envvar=True,
    help="Repository to use instead of the destinations in the settings.",
)
_destination_option = _remembered(
    "--destination",
    metavar="NAME",
    help="Destination in the settings to use; else the first that can be reached.",
)
_password_file_option = _remembered(
    "--password-file",
    "-p",
    type=FILE,
    metavar="FILE",
    envvar="LPSE_OPS_PASSWORD_FILE",
    show_envvar=True,
    help="File with the repository's password.",
)
_no_cache_option = _remembered("--no-cache", is_flag=True, help="Keep no local cache.")


def common_options(command: Decorated) -> Decorated:
    """``--settings`` and ``--quiet``, into ``App.settings_file`` and ``App.quiet``."""
    return _settings_option(_quiet_option(command))


def repository_options(command: Decorated) -> Decorated:
    """``--repo``, ``--destination``, ``--password-file``, ``--no-cache`` and the common options."""
    inner = _password_file_option(_no_cache_option(common_options(command)))
    return _repo_option(_destination_option(inner))


def format_option(command: Decorated) -> Decorated:
    """``--format text|json`` as the argument ``output_format``."""
    return click.option(
        "--format",
        "output_format",
        type=click.Choice(["text", "json"]),
        default="text",
        show_default=True,
        help="How the result is written.",
    )(command)


def output_option(command: Decorated) -> Decorated:
    """``--output FILE`` as the argument ``output``; None is standard output."""
    return click.option(
        "--output", "-o", type=FILE, metavar="FILE", help="Write the result to a file, atomically."
    )(command)

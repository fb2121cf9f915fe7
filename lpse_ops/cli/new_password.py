"""The option ``--new-password-file``, for commands that set a password."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from lpse_ops.cli.parameters import FILE
from lpse_ops.cli.repository_access import read_password_file
from lpse_ops.cli.wiring import App
from lpse_ops.errors import UsageError

Decorated = TypeVar("Decorated", bound=Callable[..., Any])


def new_password_option(command: Decorated) -> Decorated:
    return click.option(
        "--new-password-file", type=FILE, metavar="FILE", help="File with the new password."
    )(command)


def read_new_password(app: App, path: Path | None) -> str:
    if path is not None:
        return read_password_file(app, path)
    if not sys.stdin.isatty():
        raise UsageError("no new password", hint="give --new-password-file FILE")
    return str(click.prompt("new password", hide_input=True, confirmation_prompt=True, err=True))

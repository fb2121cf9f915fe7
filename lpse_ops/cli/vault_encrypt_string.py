"""Encrypt single values, as YAML that goes into a vars file."""

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import click

from lpse_ops.cli.output import open_output
from lpse_ops.cli.parameters import FILE, common_options
from lpse_ops.cli.vault_files import STANDARD_STREAM, create_privately, read_input
from lpse_ops.cli.vault_options import (
    VaultOptions,
    encrypt_vault_id_option,
    read_secrets,
    vault_options,
)
from lpse_ops.cli.wiring import App
from lpse_ops.errors import UsageError
from lpse_ops.vault import choose_secret, seal

_INDENT = " " * 10


class Named(NamedTuple):
    """A plaintext and the variable that it will be, if it has a name."""

    name: str | None
    plaintext: bytes


@click.command(epilog="Example: lpse-ops vault encrypt-string --prompt --name db_password")
@click.argument("strings", nargs=-1)
@click.option("-n", "--name", "names", multiple=True, metavar="NAME", help="Variable's name.")
@click.option("-p", "--prompt", is_flag=True, help="Ask for the value.")
@click.option("--show-input", is_flag=True, help="Show what is typed at the prompt.")
@click.option("--stdin-name", metavar="NAME", help="Name of the value on standard input.")
@click.option("--output", type=FILE, metavar="FILE", help="Write here instead.")
@encrypt_vault_id_option
@vault_options
@common_options
@click.pass_obj
def command(
    app: App,
    /,
    strings: tuple[str, ...],
    names: tuple[str, ...],
    prompt: bool,
    show_input: bool,
    stdin_name: str | None,
    output: Path | None,
    encrypt_vault_id: str | None,
    passwords: VaultOptions,
) -> None:
    """Encrypt STRINGS, or standard input, for use behind `name:` in YAML.

    A secret on the command line can be read by everybody on the machine: rather use --prompt or
    standard input.
    """
    reads_stdin = "-" in strings or stdin_name is not None or not (strings or prompt)
    if prompt and reads_stdin:
        raise UsageError("--prompt and standard input exclude each other", hint="use one of them")
    secret = choose_secret(read_secrets(app, passwords, confirm=True), encrypt_vault_id)
    given = [value for value in strings if value != "-"]
    if given:
        app.console.warn(
            "a secret on the command line is seen by others and kept in the shell's history"
        )
    values = list(name_values(given, names))
    if reads_stdin:
        if sys.stdin.isatty():
            app.console.print("Reading the plaintext from standard input; Ctrl-D twice ends it.")
        values.insert(0, Named(stdin_name, read_input(STANDARD_STREAM)))
    if prompt:
        values += _ask(names[len(given) :] or (None,), show_input=show_input)
    blocks = [
        render_value(value.name, seal(value.plaintext, secret.password, vault_id=secret.vault_id))
        for value in values
    ]
    _write("\n".join(blocks), output)


def name_values(values: Sequence[str], names: Sequence[str]) -> Iterator[Named]:
    """Give values their names in order; who comes last may have none."""
    for index, value in enumerate(values):
        name = names[index] if index < len(names) else None
        yield Named(name, value.encode("utf-8", "surrogateescape"))


def render_value(name: str | None, sealed: bytes) -> str:
    """Return the YAML of one encrypted value."""
    head = f"{name}: !vault |" if name else "!vault |"
    body = "".join(f"{_INDENT}{line}\n" for line in sealed.decode().splitlines())
    return f"{head}\n{body}"


def _ask(names: Sequence[str | None], *, show_input: bool) -> Iterator[Named]:
    for name in names:
        question = f"String to encrypt{f' for {name}' if name else ''}"
        answer = click.prompt(question, hide_input=not show_input, err=True)
        yield Named(name, str(answer).encode("utf-8", "surrogateescape"))


def _write(text: str, output: Path | None) -> None:
    if output is None or output == STANDARD_STREAM:
        with open_output(None) as stream:
            stream.write(text.encode())
    else:
        create_privately(output.resolve(), text.encode())

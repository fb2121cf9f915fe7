"""What stands in the tree of commands is there, and says how it is called."""

from collections.abc import Iterator

import click
import pytest

from lpse_ops.cli.commandtree import COMMANDS
from lpse_ops.cli.lazy import Command, Group, load_command


def entries_of(group: Group, path: tuple[str, ...] = ()) -> Iterator[tuple[str, Command]]:
    for name, entry in group.commands.items():
        if isinstance(entry, Group):
            yield from entries_of(entry, (*path, name))
        else:
            yield " ".join((*path, name)), entry


ENTRIES = dict(entries_of(COMMANDS))


@pytest.mark.parametrize("name", ENTRIES)
def test_every_command_exists_and_has_an_example(name: str):
    command = load_command(ENTRIES[name])
    help_text = command.get_help(click.Context(command, info_name=f"lpse-ops {name}"))
    assert f"Example: lpse-ops {name.removesuffix(' run')}" in help_text

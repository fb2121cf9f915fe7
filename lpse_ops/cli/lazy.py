"""Commands that are imported when they are called, so that ``--help`` stays quick."""

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import click
from click.shell_completion import CompletionItem


@dataclass(frozen=True)
class Command:
    """A command that lives at ``target`` (``module:attribute``).

    ``exit_codes`` are its own, where they differ from those of all others.
    """

    target: str
    help: str
    exit_codes: Mapping[type[BaseException], int] = field(default_factory=dict)


@dataclass(frozen=True)
class Group:
    """Commands under one name; ``default`` is the one that runs when none is named."""

    help: str
    commands: Mapping[str, "Command | Group"]
    example: str
    default: str | None = None
    # Options that may also stand before the command's name.
    options: "Callable[[click.Command], click.Command] | None" = None


class LazyGroup(click.Group):
    """A click group made from a ``Group``; names and short helps cost no import."""

    def __init__(self, lazy: Group, **attributes: Any) -> None:
        shown = {"help": lazy.help, "epilog": f"Example: {lazy.example}"}
        super().__init__(**{**attributes, **shown})
        self._lazy = lazy
        if lazy.options is not None:
            lazy.options(self)

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - as click calls it
        return list(self._lazy.commands)

    def get_command(
        self,
        ctx: click.Context,
        cmd_name: str,
    ) -> click.Command | None:
        entry = self._lazy.commands.get(cmd_name)
        if isinstance(entry, Group):
            return LazyGroup(entry, name=cmd_name)
        if entry is not None and entry.exit_codes and ctx.obj is not None:
            ctx.obj.exit_codes = entry.exit_codes
        return None if entry is None else load_command(entry)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0]
        if name not in self._lazy.commands and not ctx.resilient_parsing:
            raise _unknown_command(name, self._lazy, ctx)
        return super().resolve_command(ctx, args)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if self._lazy.default and self._names_no_command(args, ctx):
            args = [self._lazy.default, *args]
        return super().parse_args(ctx, args)

    def _names_no_command(self, args: list[str], ctx: click.Context) -> bool:
        """Whether the default is meant; our own options may stand before a command's name."""
        flags = {name: each for each in self.params for name in each.opts}
        words = iter(args)
        for word in words:
            if word in ctx.help_option_names:
                return False
            option = flags.get(word.partition("=")[0])
            if option is None:
                return word.startswith("-")
            if "=" not in word and not getattr(option, "is_flag", False):
                next(words, None)
        return not ctx.resilient_parsing

    def format_commands(
        self,
        ctx: click.Context,  # noqa: ARG002 - as click calls it
        formatter: click.HelpFormatter,
    ) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, entry.help) for name, entry in self._lazy.commands.items()])

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        found = [
            CompletionItem(name, help=entry.help)
            for name, entry in self._lazy.commands.items()
            if name.startswith(incomplete)
        ]
        return found + click.Command.shell_complete(self, ctx, incomplete)


def load_command(entry: Command) -> click.Command:
    """Import the module of a command and return it."""
    module, _, attribute = entry.target.partition(":")
    command = getattr(importlib.import_module(module), attribute)
    if not isinstance(command, click.Command):
        raise TypeError(f"{entry.target} is no click command")
    return command


def _unknown_command(name: str, group: Group, ctx: click.Context) -> click.UsageError:
    import difflib

    near = difflib.get_close_matches(name, group.commands, n=1)
    question = f"; did you mean {near[0]!r}?" if near else ""
    return click.UsageError(f"no such command {name!r}{question}", ctx)

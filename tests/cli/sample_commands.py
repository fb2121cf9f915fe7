"""Commands that end in every way a command can; ``python -m`` runs them as a whole program."""

import sys
import time
from pathlib import Path

import click

from lpse_ops import errors
from lpse_ops.cli.lazy import Command, Group
from lpse_ops.cli.main import run
from lpse_ops.cli.output import emit
from lpse_ops.cli.parameters import DURATION, SIZE, format_option, output_option, repository_options
from lpse_ops.cli.wiring import App

HERE = "tests.cli.sample_commands"
not_a_command = "text"


@click.command("raise")
@click.argument("name")
def raise_error(name):
    """Raise an error by its name."""
    raise getattr(errors, name)("what is wrong\nand more", hint="what to do")


@click.command()
@click.argument("code", type=int)
def end(code):
    return code


@click.command()
@click.argument("code", type=int)
@click.pass_context
def leave(ctx, code):
    ctx.exit(code)


@click.command()
def crash():
    raise ZeroDivisionError("secret=hunter2")


@click.command()
def hungry():
    raise MemoryError


@click.command()
def broken_pipe():
    raise BrokenPipeError(32, "Broken pipe")


@click.command()
def click_error():
    raise click.ClickException("No luck.")


@click.command()
def ask():
    click.echo("ready", err=True)
    click.prompt("name", err=True)


@click.command()
@click.argument("cleaned", type=click.Path(path_type=Path))
def wait(cleaned):
    try:
        click.echo("ready", err=True)
        time.sleep(30)
    finally:
        time.sleep(0.3)
        cleaned.write_text("cleaned up")


@click.command()
@format_option
@output_option
@repository_options
@click.option("--size", type=SIZE, default=5)
@click.option("--for", "duration", type=DURATION, default="1h")
@click.pass_obj
def show(app, output_format, output, size, duration):
    """Show what the options say."""
    data = {
        "settings": app.settings_file,
        "quiet": app.quiet,
        "repo": app.repo,
        "password_file": app.password_file,
        "no_cache": app.no_cache,
        "size": size,
        "seconds": duration.total_seconds(),
    }
    emit("show", data, text=lambda: str(data), output_format=output_format, output=output)


@click.command()
@click.argument("lines", type=int)
def talk(lines):
    for number in range(lines):
        print(f"line {number}")


SAMPLE = Group(
    "Sample commands.",
    example="sample show",
    commands={
        "raise": Command(f"{HERE}:raise_error", "Raise."),
        "end": Command(f"{HERE}:end", "End."),
        "leave": Command(f"{HERE}:leave", "Leave."),
        "crash": Command(f"{HERE}:crash", "Crash."),
        "hungry": Command(f"{HERE}:hungry", "Want more memory."),
        "broken-pipe": Command(f"{HERE}:broken_pipe", "Break."),
        "click-error": Command(f"{HERE}:click_error", "Fail."),
        "ask": Command(f"{HERE}:ask", "Ask."),
        "wait": Command(f"{HERE}:wait", "Wait."),
        "talk": Command(f"{HERE}:talk", "Talk."),
        "wrong": Command(f"{HERE}:not_a_command", "Wrong."),
        "nested": Group(
            "Nested commands.",
            example="sample nested show",
            default="show",
            commands={
                "show": Command(f"{HERE}:show", "Show."),
                "end": Command(f"{HERE}:end", "End."),
            },
        ),
    },
)

if __name__ == "__main__":
    sys.exit(run(sys.argv[1:], App(), SAMPLE))

"""The options of commands that write a paper: where to, its number, who signs it."""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from lpse_ops.cli.parameters import FILE, Decorated


@dataclass(frozen=True)
class PaperRequest:
    """A paper that is asked for; ``number`` None takes the next one of the pattern."""

    output: Path
    number: str | None = None
    carried_out_by: tuple[str, ...] = ()
    witnesses: tuple[str, ...] = ()
    template: Path | None = None


def paper_options(*names: str, required: bool = False) -> Callable[[Decorated], Decorated]:
    """Options whose values are the argument ``paper``: a PaperRequest, or None without FILE."""
    options = [
        click.option(
            *names,
            "paper_output",
            type=FILE,
            metavar="FILE.pdf|.docx|.html",
            required=required,
            help="Write the Berita Acara Uji Restore; its name says in which format.",
        ),
        click.option(
            "--paper-number",
            metavar="TEXT",
            help="Number of the paper; default: the next one of papers.number_pattern.",
        ),
        click.option(
            "--by",
            "paper_by",
            multiple=True,
            metavar="NAME",
            help="Who carried the drill out, one of people in the settings; may be repeated.",
        ),
        click.option(
            "--witness",
            "paper_witnesses",
            multiple=True,
            metavar="NAME",
            help="Who witnessed it, one of people in the settings; may be repeated.",
        ),
        click.option(
            "--paper-template",
            type=FILE,
            metavar="FILE.docx",
            help="A Word file with a letterhead of your own; see lpse-ops paper template.",
        ),
    ]

    def decorate(command: Decorated) -> Decorated:
        @functools.wraps(command)
        def gather(*args: Any, **values: Any) -> Any:
            paper = _take_request(values)
            return command(*args, **values, paper=paper)

        decorated: Any = gather
        for option in reversed(options):
            decorated = option(decorated)
        return decorated  # type: ignore[no-any-return] # what the decorators give is Decorated

    return decorate


def _take_request(values: dict[str, Any]) -> PaperRequest | None:
    """Take the options of a paper out of those of the command."""
    request = PaperRequest(
        values.pop("paper_output"),
        values.pop("paper_number"),
        values.pop("paper_by"),
        values.pop("paper_witnesses"),
        values.pop("paper_template"),
    )
    return request if request.output is not None else None

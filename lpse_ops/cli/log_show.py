"""Show what the signed log holds."""

from collections import deque
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lpse_ops.cli.output import emit, render_table
from lpse_ops.cli.parameters import common_options, format_option, output_option
from lpse_ops.cli.wiring import App

if TYPE_CHECKING:
    from lpse_ops.ledger import Record

_WIDTH = 120
_FIRST = ("event", "run", "status", "destination", "error", "destinations")


@click.command(epilog="Example: lpse-ops log show --kind backup --since 2026-01-01")
@click.option("--kind", "kinds", multiple=True, metavar="KIND", help="Only backup, drill, ...")
@click.option("--since", type=click.DateTime(), help="Only what was done since then.")
@click.option(
    "--newest",
    "-n",
    type=click.IntRange(min=0),
    default=50,
    show_default=True,
    metavar="N",
    help="So many, the newest; 0: all.",
)
@format_option
@output_option
@common_options
@click.pass_obj
def command(
    app: App,
    /,
    kinds: tuple[str, ...],
    since: datetime | None,
    newest: int,
    output_format: str,
    output: Path | None,
) -> None:
    """Show the newest records, oldest first: who was backed up, drilled, handed over, pruned."""
    moment = since.replace(tzinfo=app.clock.now().tzinfo) if since else None
    records = deque(_choose(app, kinds, moment), maxlen=newest or None)
    emit(
        "log/show",
        {"origin": app.ledger.origin, "records": records_fields(records)},
        text=lambda: _render(records),
        output_format=output_format,
        output=output,
    )


def _choose(app: App, kinds: tuple[str, ...], since: datetime | None) -> "Iterator[Record]":
    for record in app.ledger.records():
        if (not kinds or record.kind in kinds) and (since is None or record.time >= since):
            yield record


def records_fields(records: "deque[Record]") -> list[dict[str, Any]]:
    return [
        {
            "seq": record.seq,
            "kind": record.kind,
            "time": record.time,
            "server_time": record.server_time,
            "facts": record.facts,
            "sha256": record.sha256,
        }
        for record in records
    ]


def _render(records: "deque[Record]") -> str:
    rows = [
        (
            record.seq,
            record.time.isoformat(sep=" ", timespec="seconds"),
            record.kind,
            _shown(record.facts),
        )
        for record in records
    ]
    return render_table(("Line", "Time", "Kind", "Facts"), rows, right=("Line",)) + (
        f"{len(rows)} records\n"
    )


def _shown(facts: dict[str, Any]) -> str:
    """The facts on one line, what matters first; what is not known is left out."""
    first = [name for name in _FIRST if name in facts]
    names = [*first, *sorted(facts.keys() - first)]
    text = " ".join(f"{name}={_value(facts[name])}" for name in names if facts[name] is not None)
    return text if len(text) <= _WIDTH else text[: _WIDTH - 3] + "..."


def _value(value: Any) -> str:
    if isinstance(value, dict):
        known = {key: each for key, each in value.items() if each is not None}
        return ",".join(f"{key}:{_value(each)}" for key, each in known.items())
    if isinstance(value, list):
        return f"{len(value)}"
    text = str(value)
    is_hash = len(text) == 64 and not text.strip("0123456789abcdef")
    return text[:10] if is_hash else text

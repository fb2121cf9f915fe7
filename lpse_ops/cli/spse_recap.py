"""The last lines of a change of SPSE servers: what became of each, and what to type."""

from collections.abc import Sequence
from typing import Any

from lpse_ops.cli.output import printable, render_table
from lpse_ops.spse.fleetresult import HostResult

_HEADER = ("HOST", "RESULT", "FROM", "TO", "DOWN", "BACKUP", "STOPPED AT")


def render_recap(results: Sequence[HostResult]) -> str:
    """A table, then what went wrong on each host and what to type there."""
    lines = [render_table(_HEADER, [_row(each) for each in results])]
    for each in results:
        if each.problem:
            lines.append(f"{each.host}: {printable(each.problem)}\n")
        lines += [f"{each.host}: {printable(line)}\n" for line in each.advice]
    return "".join(lines)


def _row(each: HostResult) -> tuple[str, ...]:
    return (
        each.host,
        each.result,
        each.old or "-",
        each.new or "-",
        "" if each.downtime is None else format_seconds(each.downtime.total_seconds()),
        each.backup_snapshot[:10],
        each.step,
    )


def to_json(results: Sequence[HostResult]) -> list[dict[str, Any]]:
    return [
        {
            "host": each.host,
            "result": each.result,
            "from": each.old or None,
            "to": each.new or None,
            "step": each.step or None,
            "problem": each.problem or None,
            "advice": each.advice,
            "backup_snapshot": each.backup_snapshot or None,
            "downtime_seconds": each.downtime,
        }
        for each in results
    ]


def format_seconds(seconds: float) -> str:
    """``48 s``, ``3 min 5 s``."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"

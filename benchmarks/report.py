"""Results as plain tables and as JSON."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks.bench import Result
from benchmarks.growth import Growth
from lpse_ops.atomicfile import write_atomically
from lpse_ops.cli.output import render_json, render_table
from lpse_ops.cli.sizes import format_size

MIB = 1 << 20
_NUMBERS = ("lpse-ops", "restic", "restic/ours", "ours MiB", "restic MiB", "ours cpu", "restic cpu")


def render_facts(facts: Mapping[str, Any]) -> str:
    return render_table(("machine", ""), facts.items())


def render_results(results: Sequence[Result]) -> str:
    """One line for each pair: ours and restic's, which stand side by side in ``results``."""
    pairs = list(zip(results[::2], results[1::2], strict=True))
    header = ("data", "operation", *_NUMBERS)
    table = render_table(header, (_row(*pair) for pair in pairs), right=_NUMBERS)
    return table + "\n" + "".join(_render_runs(result) for result in results)


def _row(ours: Result, restic: Result) -> tuple[str, ...]:
    return (
        ours.data,
        ours.operation,
        f"{ours.median_seconds:.2f} s",
        f"{restic.median_seconds:.2f} s",
        f"{restic.median_seconds / ours.median_seconds:.2f}",
        f"{ours.peak_pss_bytes / MIB:.0f}",
        f"{restic.peak_pss_bytes / MIB:.0f}",
        f"{_cpu(ours):.2f} s",
        f"{_cpu(restic):.2f} s",
    )


def _cpu(result: Result) -> float:
    return sorted(run.cpu_seconds for run in result.runs)[len(result.runs) // 2]


def _render_runs(result: Result) -> str:
    seconds = " ".join(f"{run.seconds:.2f}" for run in result.runs)
    rss = max(run.max_rss_bytes for run in result.runs) / MIB
    return (
        f"{result.data} {result.operation} {result.tool}: {seconds} s; largest process "
        f"{rss:.0f} MiB; repository {format_size(result.repository_bytes)}\n"
    )


def render_growth(growths: Sequence[Growth]) -> str:
    header = ("memory", "tool", "quarter MiB", "whole MiB", "growth")
    rows = [
        (
            growth.operation,
            growth.tool,
            f"{growth.quarter_bytes / MIB:.0f}",
            f"{growth.whole_bytes / MIB:.0f}",
            f"{growth.ratio:.2f}",
        )
        for growth in growths
    ]
    return render_table(header, rows, right=header[2:])


def write_json(
    path: Path, facts: Mapping[str, Any], results: Sequence[Result], growths: Sequence[Growth]
) -> None:
    data = {
        "machine": facts,
        "results": [asdict(result) for result in results],
        "memory": [asdict(growth) for growth in growths],
    }
    write_atomically(path, render_json("benchmark", data).encode())

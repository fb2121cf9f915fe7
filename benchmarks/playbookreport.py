"""The figures of the playbook engines as plain tables and as JSON."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks.measure import MIB, Measured
from benchmarks.playbookmusts import LOOP, Figures
from benchmarks.playbooktools import OURS
from lpse_ops.atomicfile import write_atomically
from lpse_ops.cli.output import render_json, render_table

_NUMBERS = ("seconds", "times ours", "cpu", "MiB")


def render_figures(figures: Figures) -> str:
    parts = [
        render_table(("case", "tool", *_NUMBERS), _rows(figures), right=_NUMBERS),
        "".join(f"{line}\n" for line in _render_marginals(figures)),
        "".join(f"{line}\n" for line in _render_turns(figures)),
        "".join(f"{line}\n" for line in _render_runs(figures)),
    ]
    return "\n".join(part for part in parts if part)


def _rows(figures: Figures) -> Iterator[tuple[str, ...]]:
    for case, tools in figures.runs.items():
        ours = figures.median(case, OURS) or 0.0
        for tool, runs in tools.items():
            seconds = figures.median(case, tool) or 0.0
            yield (
                case,
                tool,
                f"{seconds:.3f}",
                f"{seconds / ours:.2f}" if ours else "",
                f"{_middle_cpu(runs):.2f}",
                f"{max(run.max_rss_bytes for run in runs) / MIB:.0f}",
            )


def _middle_cpu(runs: list[Measured]) -> float:
    return sorted(run.cpu_seconds for run in runs)[len(runs) // 2]


def _render_marginals(figures: Figures) -> Iterator[str]:
    for name, costs in figures.marginals():
        yield f"{name}: " + ", ".join(f"{tool} {cost * 1e3:.1f} ms" for tool, cost in costs.items())


def _render_turns(figures: Figures) -> Iterator[str]:
    if figures.task_turns:
        yield "round trips of one more task: " + " ".join(f"{n:.2f}" for n in figures.task_turns)
    if figures.loop_turns:
        yield f"round trips of a {LOOP}: " + " ".join(map(str, figures.loop_turns))


def _render_runs(figures: Figures) -> Iterator[str]:
    for case, tools in figures.runs.items():
        for tool, runs in tools.items():
            yield f"{case} {tool}: " + " ".join(f"{run.seconds:.2f}" for run in runs) + " s"


def write_figures(path: Path, facts: Mapping[str, Any], figures: Figures) -> None:
    data = {"machine": facts, **asdict(figures)}
    write_atomically(path, render_json("benchmark/playbooks", data).encode())

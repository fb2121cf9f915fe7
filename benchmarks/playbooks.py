"""``python -m benchmarks.playbooks``: the engine beside ansible-core and pyinfra.

Prints medians and every run; ends with 1 if a promise of ``playbookmusts.py`` is not kept.
"""

import argparse
import os
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from benchmarks.machine import read_facts
from benchmarks.options import CACHE, choices
from benchmarks.playbookbench import PlaybookBench
from benchmarks.playbookhosts import Lines, open_lines
from benchmarks.playbookmusts import (
    COPY,
    FAR_FIFTH,
    FAR_WHOLE,
    FIFTH,
    LIST_TASKS,
    LOOP,
    TEN_HOSTS,
    WHOLE,
    Figures,
    find_shortfalls,
)
from benchmarks.playbookreport import render_figures, write_figures
from benchmarks.playbooktools import ANSIBLE, OURS, PYINFRA, find_programs
from benchmarks.playbookwork import Work
from benchmarks.report import render_facts

_ALL = (OURS, ANSIBLE, PYINFRA)
_LONG, _SHORT = Work(rounds=10), Work(rounds=2)
_ITEMS = 100
_COPIED_BYTES = 1_000_000_000
_FORKS, _MANY_FORKS, _NAMES = 10, 50, 200
_CHUNK_BYTES = 1 << 24

_Section = Callable[[PlaybookBench, Lines, Figures, int], None]


def _near(bench: PlaybookBench, lines: Lines, _: Figures, runs: int) -> None:
    bench.compare(WHOLE, _LONG, lines.near, _ALL, runs, forks=_FORKS)
    bench.compare(FIFTH, _SHORT, lines.near, _ALL, runs, forks=_FORKS)


def _far(bench: PlaybookBench, lines: Lines, _: Figures, runs: int) -> None:
    bench.compare(FAR_WHOLE, _LONG, lines.far, _ALL, runs, forks=_FORKS)
    bench.compare(FAR_FIFTH, _SHORT, lines.far, _ALL, runs, forks=_FORKS)


def _hosts(bench: PlaybookBench, lines: Lines, _: Figures, runs: int) -> None:
    bench.compare(TEN_HOSTS, _LONG, lines.ten, _ALL, runs, forks=_FORKS)


def _loop(bench: PlaybookBench, lines: Lines, _: Figures, runs: int) -> None:
    bench.compare(LOOP, Work(items=_ITEMS), lines.near, _ALL, runs, forks=_FORKS)


def _turns(bench: PlaybookBench, lines: Lines, figures: Figures, runs: int) -> None:
    def count(work: Work) -> int:
        before = lines.relay.turns
        bench.run_ours(work, lines.counted, forks=_FORKS)
        return lines.relay.turns - before

    more = _LONG.tasks - _SHORT.tasks
    for _ in range(runs):
        figures.loop_turns.append(count(Work(items=_ITEMS)) - count(Work()))
        figures.task_turns.append((count(_LONG) - count(_SHORT)) / more)


def _list_tasks(bench: PlaybookBench, lines: Lines, _: Figures, runs: int) -> None:
    bench.list_tasks(LIST_TASKS, _LONG, lines.near, runs)


def _copy(bench: PlaybookBench, lines: Lines, _: Figures, runs: int) -> None:
    file = lines.near.folder / "copied"
    with file.open("wb") as stream:
        for start in range(0, _COPIED_BYTES, _CHUNK_BYTES):
            stream.write(os.urandom(min(_CHUNK_BYTES, _COPIED_BYTES - start)))
    bench.copy(COPY, file, lines.near, runs)
    file.unlink()


def _memory(bench: PlaybookBench, lines: Lines, figures: Figures, runs: int) -> None:
    """The largest process of the tree is the controller: paramiko is in it."""
    for _ in range(runs):
        measured = bench.run_ours(_SHORT, lines.many, forks=_MANY_FORKS)
        figures.add(f"{_NAMES} hosts, {_MANY_FORKS} forks", OURS, measured)


_SECTIONS: dict[str, _Section] = {
    "near": _near,
    "far": _far,
    "hosts": _hosts,
    "loop": _loop,
    "turns": _turns,
    "list-tasks": _list_tasks,
    "copy": _copy,
    "memory": _memory,
}


def main() -> int:
    options = _parse_options(sys.argv[1:])
    options.cache.mkdir(parents=True, exist_ok=True)
    programs = find_programs(options.cache)
    figures = Figures()
    with tempfile.TemporaryDirectory(prefix="play-", dir=options.cache) as folder:
        scratch = Path(folder)
        versions = {program.name: program.version for program in programs.values()}
        facts = {**versions, **read_facts(scratch)}
        print(render_facts(facts), flush=True)
        bench = PlaybookBench(scratch, programs, figures)
        with open_lines(scratch, names=_NAMES) as lines:
            for section in options.only:
                print(f"{section} ...", file=sys.stderr, flush=True)
                _SECTIONS[section](bench, lines, figures, options.runs)
    print(render_figures(figures))
    if options.json:
        write_figures(options.json, facts, figures)
    shortfalls = list(find_shortfalls(figures))
    for line in shortfalls:
        print(f"NOT REACHED: {line}")
    return 1 if shortfalls else 0


def _parse_options(argv: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.playbooks", description=__doc__)
    sections = tuple(_SECTIONS)
    parser.add_argument("--runs", type=int, default=5, help="timed runs of each (5)")
    parser.add_argument("--only", type=choices(sections), default=sections, metavar="A,B",
                        help=f"of {', '.join(sections)}")  # fmt: skip
    parser.add_argument("--cache", type=Path, default=CACHE, help=f"pyinfra and work ({CACHE})")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures to a file")
    return parser.parse_args(argv)


if __name__ == "__main__":
    sys.exit(main())

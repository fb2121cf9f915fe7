"""``python -m benchmarks``: measures, prints tables, and fails if a promise is not kept."""

import argparse
import os
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from benchmarks.bench import Bench, Result
from benchmarks.datasets import MAKERS, prepare_data
from benchmarks.growth import ALLOWED, QUARTER, Growth, find_excess, measure_growth
from benchmarks.machine import read_facts
from benchmarks.musts import find_shortfalls
from benchmarks.report import render_facts, render_growth, render_results, write_json
from benchmarks.tools import OPERATIONS, find_ours, find_restic

_MEMORY = "memory"
_CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "lpse-ops-benchmarks"


def main() -> int:
    options = _parse_options(sys.argv[1:])
    options.cache.mkdir(parents=True, exist_ok=True)
    ours, restic = find_ours(), find_restic()
    results: list[Result] = []
    growths: list[Growth] = []
    with tempfile.TemporaryDirectory(prefix="run-", dir=options.cache) as folder:
        scratch = Path(folder)
        facts = {ours.name: ours.version, restic.name: restic.version, **read_facts(scratch)}
        print(render_facts(facts), flush=True)
        bench = Bench(scratch, ours, restic)
        for name in options.data:
            data = prepare_data(options.cache, name, options.scale)
            for operation in [each for each in options.only if each != _MEMORY]:
                print(f"{name} {operation} ...", file=sys.stderr, flush=True)
                results += bench.compare(operation, data, name, options.runs)
        if _MEMORY in options.only:
            print("memory ...", file=sys.stderr, flush=True)
            quarter = prepare_data(options.cache, "large", options.scale * QUARTER)
            whole = prepare_data(options.cache, "large", options.scale)
            growths += measure_growth(bench, (ours, restic), quarter, whole)
    print(render_results(results) if results else "")
    print(render_growth(growths) if growths else "")
    if options.json:
        write_json(options.json, facts, results, growths)
    shortfalls = list(find_shortfalls(results))
    for growth in find_excess(growths, ours.name):
        shortfalls.append(
            f"{growth.operation} takes {growth.ratio:.2f} > {ALLOWED} times the memory"
        )
    for line in shortfalls:
        print(f"NOT REACHED: {line}")
    return 1 if shortfalls else 0


def _parse_options(argv: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    operations = (*OPERATIONS, _MEMORY)
    parser.add_argument("--runs", type=int, default=5, help="timed runs of each (5)")
    parser.add_argument("--only", type=_choices(operations), default=operations, metavar="A,B",
                        help=f"of {', '.join(operations)}")  # fmt: skip
    parser.add_argument("--data", type=_choices(tuple(MAKERS)), default=tuple(MAKERS),
                        metavar="A,B", help=f"of {', '.join(MAKERS)}")  # fmt: skip
    parser.add_argument("--scale", type=float, default=1.0, help="share of the data sets (1.0)")
    parser.add_argument("--cache", type=Path, default=_CACHE, help=f"data and work ({_CACHE})")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures to a file")
    return parser.parse_args(argv)


def _choices(allowed: tuple[str, ...]) -> Callable[[str], tuple[str, ...]]:
    def parse(text: str) -> tuple[str, ...]:
        wanted = text.split(",")
        unknown = [word for word in wanted if word not in allowed]
        if unknown:
            raise argparse.ArgumentTypeError(f"{unknown[0]!r} is none of {', '.join(allowed)}")
        # In our order: a first backup makes the repository that the others use.
        return tuple(word for word in allowed if word in wanted)

    return parse


if __name__ == "__main__":
    sys.exit(main())

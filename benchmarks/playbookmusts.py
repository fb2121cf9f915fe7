"""What lpse-ops promises to reach beside ansible-core and pyinfra, and where it falls short."""

import statistics
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from benchmarks.measure import Measured
from benchmarks.playbookhosts import ROUND_TRIP_SECONDS
from benchmarks.playbooktools import ANSIBLE, OURS, PYINFRA, SYNCED_SFTP

WHOLE, FIFTH = "51 tasks", "11 tasks"
FAR_WHOLE, FAR_FIFTH = "51 tasks, 40 ms", "11 tasks, 40 ms"
TEN_HOSTS, LOOP, LIST_TASKS, COPY = "10 hosts", "loop of 100", "--list-tasks", "1 GB copy"

# Between the two works; the lines that they run on.
_MORE_TASKS = 40
_LINES = ((WHOLE, FIFTH, 0.0), (FAR_WHOLE, FAR_FIFTH, ROUND_TRIP_SECONDS))

# (case, tool) -> its seconds by ours, at least.
_RATIOS = {
    (WHOLE, ANSIBLE): 10.0,
    (WHOLE, PYINFRA): 4.0,
    (FAR_WHOLE, ANSIBLE): 6.0,
    (FAR_WHOLE, PYINFRA): 3.0,
    (TEN_HOSTS, ANSIBLE): 8.0,
    (COPY, SYNCED_SFTP): 1.0,
}
_LIST_SECONDS = 0.35
_TASK_TURNS = 1.1
_TASK_SECONDS = 0.004
_LOOP_TURNS = 3


@dataclass
class Figures:
    """Everything measured; of what is missing nothing is promised."""

    runs: dict[str, dict[str, list[Measured]]] = field(default_factory=dict)
    loop_turns: list[int] = field(default_factory=list)
    task_turns: list[float] = field(default_factory=list)

    def add(self, case: str, tool: str, measured: Measured) -> None:
        self.runs.setdefault(case, {}).setdefault(tool, []).append(measured)

    def median(self, case: str, tool: str) -> float | None:
        runs = self.runs.get(case, {}).get(tool)
        return statistics.median(run.seconds for run in runs) if runs else None

    def per_task(self, whole: str, fifth: str, tool: str) -> float | None:
        """Seconds that one more task takes."""
        longer, shorter = self.median(whole, tool), self.median(fifth, tool)
        if longer is None or shorter is None:
            return None
        return (longer - shorter) / _MORE_TASKS

    def marginals(self) -> Iterator[tuple[str, Mapping[str, float]]]:
        """The cost of one more task on each line, tool by tool."""
        for whole, fifth, _ in _LINES:
            costs = {name: self.per_task(whole, fifth, name) for name in self.runs.get(whole, ())}
            known = {name: cost for name, cost in costs.items() if cost is not None}
            if known:
                yield f"per task of {whole}", known


def find_shortfalls(figures: Figures) -> Iterator[str]:
    """A line for each promise that these figures do not keep."""
    for (case, tool), wanted in _RATIOS.items():
        ours, theirs = figures.median(case, OURS), figures.median(case, tool)
        if ours and theirs and theirs / ours < wanted:
            yield f"{case}: {theirs / ours:.2f} times as quick as {tool}, not {wanted:.0f}"
    for whole, fifth, trip in _LINES:
        cost, limit = figures.per_task(whole, fifth, OURS), _TASK_TURNS * trip + _TASK_SECONDS
        if cost is not None and cost > limit:
            yield f"{whole}: {cost * 1000:.1f} ms for one more task, not {limit * 1000:.0f}"
    listing = figures.median(LIST_TASKS, OURS)
    if listing is not None and listing > _LIST_SECONDS:
        yield f"{LIST_TASKS}: {listing:.2f} s, not {_LIST_SECONDS}"
    if figures.loop_turns and statistics.median(figures.loop_turns) > _LOOP_TURNS:
        yield f"{LOOP}: {statistics.median(figures.loop_turns):.0f} round trips, not {_LOOP_TURNS}"
    if figures.task_turns and statistics.median(figures.task_turns) > _TASK_TURNS:
        turns = statistics.median(figures.task_turns)
        yield f"one more task: {turns:.2f} round trips, not {_TASK_TURNS}"

"""The memory test: four times the data may not take more than 1.2 times the memory."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.bench import Bench
from benchmarks.tools import Tool

ALLOWED = 1.2
QUARTER = 0.25
OPERATIONS = ("first-backup", "unchanged", "restore", "check-read-data")


@dataclass(frozen=True)
class Growth:
    """Peak memory of one tool on a quarter of the data and on all of it."""

    operation: str
    tool: str
    quarter_bytes: int
    whole_bytes: int

    @property
    def ratio(self) -> float:
        return self.whole_bytes / self.quarter_bytes


def measure_growth(
    bench: Bench, tools: tuple[Tool, Tool], quarter: Path, whole: Path
) -> Iterator[Growth]:
    for operation in OPERATIONS:
        for tool in tools:
            peaks = [bench.watch(tool, operation, data) for data in (quarter, whole)]
            yield Growth(operation, tool.name, *peaks)


def find_excess(growths: list[Growth], ours: str) -> list[Growth]:
    """Where our tool takes more than is allowed."""
    return [growth for growth in growths if growth.tool == ours and growth.ratio > ALLOWED]

"""One benchmark: prepares a run, lets both tools make it in turn, and lets restic judge ours."""

import filecmp
import os
import shutil
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from benchmarks.changes import change_files, copy_data
from benchmarks.datasets import SEED
from benchmarks.measure import Measured, folder_bytes, measure, measure_memory, warm
from benchmarks.tools import PASSWORD, Tool

_READS_SOURCES = ("first-backup", "unchanged", "changed")
_WRITES = (*_READS_SOURCES, "forget-prune")
_CHANGED_SHARE = 0.01
# What forget-prune begins with: a first snapshot and these, each with a twentieth of the files new.
_OLD_SNAPSHOTS, _OLD_SHARE = 10, 0.05


@dataclass
class Result:
    """What one tool did with one data set in one operation."""

    data: str
    operation: str
    tool: str
    peak_pss_bytes: int
    repository_bytes: int = 0
    runs: list[Measured] = field(default_factory=list)

    @property
    def median_seconds(self) -> float:
        return statistics.median(run.seconds for run in self.runs)


class Bench:
    """``tools`` is ours and restic; ``scratch`` is removed by whoever made it."""

    def __init__(self, scratch: Path, ours: Tool, restic: Tool) -> None:
        self._scratch = scratch
        self._ours = ours
        self._restic = restic
        self._restores = 0
        self._password_file = scratch / "password"
        self._password_file.write_text(PASSWORD)
        self._password_file.chmod(0o600)

    def compare(self, operation: str, data: Path, name: str, runs: int) -> list[Result]:
        """Watch the memory of one run of each tool, then time the others, alternating."""
        if operation == "changed":
            data = self._open_copy(data, "changing")
        if operation == "forget-prune":
            data = self._make_history(data)
        pairs = [
            (tool, Result(name, operation, tool.name, self.watch(tool, operation, data)))
            for tool in (self._ours, self._restic)
        ]
        for number in range(runs):
            if operation == "changed":
                change_files(data, _CHANGED_SHARE, Random(f"{SEED} {number}"))
            # Neither is always the first after the preparations of the other.
            for tool, result in pairs[:: -1 if number % 2 else 1]:
                result.runs.append(self._time(tool, operation, data))
        for tool, result in pairs:
            result.repository_bytes = folder_bytes(self._repository(tool, data))
        return [result for _, result in pairs]

    def _open_copy(self, data: Path, purpose: str) -> Path:
        """A copy of a data set that may be changed."""
        copy = self._scratch / f"{purpose}-{data.name}"
        copy_data(data, copy)
        return copy

    def _make_history(self, data: Path) -> Path:
        """Repositories with many snapshots; kept aside, since prune empties them."""
        data = self._open_copy(data, "history")
        for tool in (self._ours, self._restic):
            measure(*self._command(tool, "init", data))
            measure(*self._command(tool, "first-backup", data))
        for number in range(_OLD_SNAPSHOTS):
            change_files(data, _OLD_SHARE, Random(f"{SEED} history {number}"))
            for tool in (self._ours, self._restic):
                measure(*self._command(tool, "changed", data))
        for tool in (self._ours, self._restic):
            self._repository(tool, data).rename(self._kept(tool, data))
        return data

    def watch(self, tool: Tool, operation: str, data: Path) -> int:
        """Return the peak memory of a run that is not timed."""
        self._prepare(tool, operation, data)
        peak = measure_memory(*self._command(tool, operation, data))
        self._judge(tool, operation, data)
        if operation == "restore":
            _compare(data, self._target.joinpath(*data.parts[1:]))
        return peak

    def _time(self, tool: Tool, operation: str, data: Path) -> Measured:
        self._prepare(tool, operation, data)
        measured = measure(*self._command(tool, operation, data))
        self._judge(tool, operation, data)
        return measured

    def _prepare(self, tool: Tool, operation: str, data: Path) -> None:
        repository = self._repository(tool, data)
        if operation in ("first-backup", "forget-prune"):
            shutil.rmtree(repository, ignore_errors=True)
        if operation == "forget-prune":
            # Links: no file of a repository is ever changed in place.
            shutil.copytree(self._kept(tool, data), repository, copy_function=os.link)
        if not repository.exists():
            measure(*self._command(tool, "init", data))
            if operation != "first-backup":
                measure(*self._command(tool, "first-backup", data))
        if operation == "restore":
            # Not removed: ext4 looks at every inode deleted in the last minutes before it gives
            # out a new one, which takes several times as long as the restore of a small file.
            self._restores += 1
        warm(data if operation in _READS_SOURCES else repository)
        os.sync()

    def _judge(self, tool: Tool, operation: str, data: Path) -> None:
        """What ours has stored must be whole for a stranger."""
        if tool is self._ours and operation in _WRITES:
            repository = self._repository(tool, data)
            environment = self._restic.environment(repository, self._password_file)
            argv = self._restic.argv("check-read-data", data=data, target=self._target)
            measure(argv, environment, self._log(self._restic))

    def _command(
        self, tool: Tool, operation: str, data: Path
    ) -> tuple[Sequence[str], dict[str, str], Path]:
        argv = tool.argv(operation, data=data, target=self._target)
        environment = tool.environment(self._repository(tool, data), self._password_file)
        return argv, environment, self._log(tool)

    @property
    def _target(self) -> Path:
        return self._scratch / f"restored-{self._restores}"

    def _repository(self, tool: Tool, data: Path) -> Path:
        return self._scratch / f"{tool.name}-{data.name}"

    def _kept(self, tool: Tool, data: Path) -> Path:
        return self._scratch / f"{tool.name}-{data.name}-kept"

    def _log(self, tool: Tool) -> Path:
        return self._scratch / f"{tool.name}.log"


def _compare(data: Path, restored: Path) -> None:
    """A quick tool that restores something else has not won."""
    wanted, found = _files(data), _files(restored)
    if wanted != found or filecmp.cmpfiles(data, restored, wanted, shallow=False)[1:] != ([], []):
        raise SystemExit(f"{restored} is not what {data} is")


def _files(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())

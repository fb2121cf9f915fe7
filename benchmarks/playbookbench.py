"""Lets the programs do the same work in turn, on fresh folders, and compares what they leave."""

import hashlib
import re
import stat
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks.measure import Measured
from benchmarks.playbookhosts import Hosts
from benchmarks.playbookmusts import Figures
from benchmarks.playbooktools import ANSIBLE, OURS, SFTP, Program, measure_sftp, open_target
from benchmarks.playbookwork import Work

_RECAP = re.compile(r"^(\S+) +: (ok=\d+ +changed=\d+ +unreachable=\d+ +failed=\d+)", re.MULTILINE)


class PlaybookBench:
    """``scratch`` is removed by whoever made it; the figures grow."""

    def __init__(self, scratch: Path, programs: Mapping[str, Program], figures: Figures) -> None:
        self._scratch = scratch
        self._programs = programs
        self._figures = figures

    def compare(
        self, case: str, work: Work, hosts: Hosts, tools: Sequence[str], runs: int, *, forks: int
    ) -> None:
        """Time the tools in turn; neither is always the first after the others."""
        states: dict[str, object] = {}
        for number in range(runs):
            for tool in tools[:: -1 if number % 2 else 1]:
                with open_target(self._scratch) as target:
                    measured = self._programs[tool].run(work, hosts, target, forks=forks)
                    self._figures.add(case, tool, measured)
                    states[tool] = read_tree(target)
            _demand_equal(case, states)
            _demand_equal(case, self._recaps(hosts, states))

    def _recaps(self, hosts: Hosts, tools: Mapping[str, object]) -> dict[str, object]:
        """What the two that read the same playbook say of each host."""
        both = [tool for tool in (OURS, ANSIBLE) if tool in tools]
        return {tool: read_recap(self._programs[tool].log(hosts).read_text()) for tool in both}

    def list_tasks(self, case: str, work: Work, hosts: Hosts, runs: int) -> None:
        for number in range(runs):
            for tool in (OURS, ANSIBLE)[:: -1 if number % 2 else 1]:
                measured = self._programs[tool].run(
                    work, hosts, self._scratch, forks=1, listing=True
                )
                self._figures.add(case, tool, measured)

    def copy(self, case: str, file: Path, hosts: Hosts, runs: int) -> None:
        """Ours, which ends with all on the disk, beside sftp that does so and that does not."""
        (name,) = hosts.places
        wanted = {"copied": _digest(file)}
        for number in range(runs):
            for tool in (OURS, *SFTP)[:: -1 if number % 2 else 1]:
                with open_target(self._scratch) as target:
                    (target / name).mkdir()
                    if tool == OURS:
                        work = Work(copied=str(file))
                        measured = self._programs[OURS].run(work, hosts, target, forks=1)
                    else:
                        copied = target / name / "copied"
                        measured = measure_sftp(hosts, file, copied, SFTP[tool])
                    self._figures.add(case, tool, measured)
                    arrived = {each.name: _digest(each) for each in (target / name).iterdir()}
                    _demand_equal(case, {"source": wanted, tool: arrived})

    def run_ours(self, work: Work, hosts: Hosts, *, forks: int) -> Measured:
        with open_target(self._scratch) as target:
            return self._programs[OURS].run(work, hosts, target, forks=forks)


def read_tree(root: Path) -> dict[str, tuple[str, bytes]]:
    """Mode and content of everything below ``root``, by name."""
    return {
        str(path.relative_to(root)): (
            stat.filemode(path.stat().st_mode),
            path.read_bytes() if path.is_file() else b"",
        )
        for path in root.rglob("*")
    }


def read_recap(text: str) -> dict[str, str]:
    return {host: " ".join(counts.split()) for host, counts in _RECAP.findall(text)}


def _demand_equal(case: str, states: Mapping[str, object]) -> None:
    """A figure of a tool that did something else is worth nothing."""
    (first, one), *others = states.items()
    for other, state in others:
        if state != one:
            raise SystemExit(f"{case}: {first} and {other} differ:\n{one}\n{state}")
    if not one:
        raise SystemExit(f"{case}: {first} left nothing")


def _digest(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()

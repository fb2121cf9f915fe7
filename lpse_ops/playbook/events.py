"""What is told while plays run, in the order in which it happens."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from lpse_ops.marked import Origin
from lpse_ops.playbook.hosts import HostState
from lpse_ops.playbook.model import Play, Task
from lpse_ops.playbook.results import Result, TaskResult


class Warn(Protocol):
    """Tells of something odd that stops nothing, and where it was written."""

    def __call__(self, message: str, origin: Origin | None = None) -> None: ...


class Display(Protocol):
    """Calls come from one thread at a time; results of one task in the order hosts finish."""

    def play(self, play: Play, name: str, hosts: Sequence[str]) -> None:
        """A play begins; without hosts it is skipped."""

    def task(self, task: Task, name: str) -> None:
        """A task or handler begins on some hosts."""

    def at_work(self, task: Task, name: str, hosts: Sequence[str]) -> None:
        """These hosts begin a task; each is at it until its result is told."""

    def item(self, task: TaskResult, label: str, result: Result) -> None:
        """One item of a loop ended on a host; ``result`` holds nothing secret."""

    def retry(self, task: TaskResult, result: Result, left: int) -> None:
        """A try did not satisfy ``until``."""

    def result(self, result: TaskResult) -> None:
        """A task ended on a host; ``result.shown`` is what people may see."""

    def included(self, name: str, label: str, hosts: Sequence[str]) -> None:
        """An include brought tasks to these hosts."""

    def no_hosts_left(self) -> None:
        """All hosts of a batch failed; the play ends."""

    def playbook(self, name: str, n_plays: int) -> None:
        """A playbook begins."""

    def meta(self, message: str) -> None:
        """What a ``meta`` task did."""

    def warning(self, message: str, origin: Origin | None = None) -> None:
        """Something odd that stops nothing, and where it was written."""

    def recap(self, hosts: Mapping[str, HostState]) -> None:
        """The last lines."""

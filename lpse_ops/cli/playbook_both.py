"""Tells two displays of a run: what the screen gets may not be what the log gets."""

from collections.abc import Mapping, Sequence

from lpse_ops.marked import Origin
from lpse_ops.playbook.events import Display
from lpse_ops.playbook.hosts import HostState
from lpse_ops.playbook.model import Play, Task
from lpse_ops.playbook.results import Result, TaskResult


class BothDisplays:
    """Everything goes to both, but warnings, which the first one tells for both."""

    def __init__(self, first: Display, second: Display) -> None:
        self._first = first
        self._both = (first, second)

    def play(self, play: Play, name: str, hosts: Sequence[str]) -> None:
        for each in self._both:
            each.play(play, name, hosts)

    def task(self, task: Task, name: str) -> None:
        for each in self._both:
            each.task(task, name)

    def at_work(self, task: Task, name: str, hosts: Sequence[str]) -> None:
        for each in self._both:
            each.at_work(task, name, hosts)

    def item(self, task: TaskResult, label: str, result: Result) -> None:
        for each in self._both:
            each.item(task, label, result)

    def retry(self, task: TaskResult, result: Result, left: int) -> None:
        for each in self._both:
            each.retry(task, result, left)

    def result(self, result: TaskResult) -> None:
        for each in self._both:
            each.result(result)

    def included(self, name: str, label: str, hosts: Sequence[str]) -> None:
        for each in self._both:
            each.included(name, label, hosts)

    def no_hosts_left(self) -> None:
        for each in self._both:
            each.no_hosts_left()

    def playbook(self, name: str, n_plays: int) -> None:
        for each in self._both:
            each.playbook(name, n_plays)

    def meta(self, message: str) -> None:
        for each in self._both:
            each.meta(message)

    def warning(self, message: str, origin: Origin | None = None) -> None:
        self._first.warning(message, origin)

    def recap(self, hosts: Mapping[str, HostState]) -> None:
        for each in self._both:
            each.recap(hosts)

"""What is told when each host goes on by itself: lines of several tasks come in any order."""

from collections.abc import Mapping, Sequence
from threading import RLock

from lpse_ops.marked import Origin
from lpse_ops.playbook.events import Display
from lpse_ops.playbook.hosts import HostState
from lpse_ops.playbook.model import Play, Position, Task
from lpse_ops.playbook.results import Result, TaskResult


class FreeDisplay:
    """A task's banner comes with its lines, again whenever another task was told meanwhile."""

    def __init__(self, display: Display) -> None:
        self._display = display
        self._lock = RLock()
        self._told: tuple[Origin | None, Position] | None = None

    def play(self, play: Play, name: str, hosts: Sequence[str]) -> None:
        self._display.play(play, name, hosts)

    def task(self, task: Task, name: str) -> None:
        """Nothing yet: there is no line of it."""

    def at_work(self, task: Task, name: str, hosts: Sequence[str]) -> None:
        self._display.at_work(task, name, hosts)

    def item(self, task: TaskResult, label: str, result: Result) -> None:
        with self._lock:
            self._begin(task)
            self._display.item(task, label, result)

    def retry(self, task: TaskResult, result: Result, left: int) -> None:
        with self._lock:
            self._display.retry(task, result, left)

    def result(self, result: TaskResult) -> None:
        with self._lock:
            self._begin(result)
            self._display.result(result)

    def included(self, name: str, label: str, hosts: Sequence[str]) -> None:
        with self._lock:
            self._display.included(name, label, hosts)

    def no_hosts_left(self) -> None:
        self._display.no_hosts_left()

    def playbook(self, name: str, n_plays: int) -> None:
        self._display.playbook(name, n_plays)

    def meta(self, message: str) -> None:
        self._display.meta(message)

    def warning(self, message: str, origin: Origin | None = None) -> None:
        self._display.warning(message, origin)

    def recap(self, hosts: Mapping[str, HostState]) -> None:
        self._display.recap(hosts)

    def _begin(self, result: TaskResult) -> None:
        # Not the object: where the module's name is a template each host has one of its own.
        place = result.task.origin, result.task.position
        if self._told != place:
            self._display.task(result.task, result.name)
        self._told = place

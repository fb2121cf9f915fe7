"""A run for who wants to hear of trouble alone (``--quiet``)."""

from collections.abc import Mapping, Sequence

from lpse_ops.cli.playbook_display import DefaultDisplay
from lpse_ops.playbook.hosts import HostState
from lpse_ops.playbook.model import Play, Task
from lpse_ops.playbook.results import Result, TaskResult, status_of

_TROUBLE = ("failed", "unreachable")


class QuietDisplay(DefaultDisplay):
    """Failures that are not ignored, and warnings; Ansible's lines for both."""

    def play(self, play: Play, name: str, hosts: Sequence[str]) -> None:
        """Nothing; so with all below that is no trouble."""

    def task(self, task: Task, name: str) -> None: ...

    def item(self, task: TaskResult, label: str, result: Result) -> None:
        if status_of(result) in _TROUBLE and not task.is_ignored:
            super().item(task, label, result)

    def retry(self, task: TaskResult, result: Result, left: int) -> None: ...

    def result(self, result: TaskResult) -> None:
        if result.status in _TROUBLE and not result.is_ignored:
            super().result(result)

    def included(self, name: str, label: str, hosts: Sequence[str]) -> None: ...

    def no_hosts_left(self) -> None: ...

    def playbook(self, name: str, n_plays: int) -> None: ...

    def meta(self, message: str) -> None: ...

    def recap(self, hosts: Mapping[str, HostState]) -> None: ...

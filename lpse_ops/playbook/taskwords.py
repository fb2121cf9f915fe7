"""What the keywords of a task say of how a batch runs it, and the title it has there."""

from typing import Any

from lpse_ops.errors import OpsError
from lpse_ops.marked import Text
from lpse_ops.playbook.flags import as_flag, given
from lpse_ops.playbook.hosts import HostState
from lpse_ops.playbook.model import Task
from lpse_ops.playbook.registry import runs_once
from lpse_ops.playbook.services import Services


class TaskWords:
    """Evaluates them with the variables of one host of the batch."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def is_once(self, task: Task, state: HostState) -> bool:
        if runs_once(task.action):
            return True
        return as_flag("run_once", self._keyword(task, "run_once", state))

    def is_fatal(self, task: Task) -> bool:
        return as_flag("any_errors_fatal", task.keywords.get("any_errors_fatal"))

    def throttle(self, task: Task, state: HostState) -> int:
        """How many hosts may run it at once; 0 for all."""
        try:
            return int(self._keyword(task, "throttle", state) or 0)
        except (OpsError, TypeError, ValueError) as error:
            place = task.keywords.place("throttle") or task.origin
            problem = str(error).removeprefix(f"{getattr(error, 'origin', None)}: ")
            message = f"{place}: Failed to convert the throttle value to an integer: {problem}"
            raise OpsError(message, hint="write a whole number behind throttle:") from error

    def title(self, task: Task, state: HostState) -> str:
        label = task.label
        if "{{" not in label or not task.name:
            return label
        try:
            variables = self._services.variables(task, state)
            return str(self._services.templating.evaluate(Text(label, task.origin), variables))
        except OpsError:
            return label

    def _keyword(self, task: Task, keyword: str, state: HostState) -> Any:
        written = task.keywords.get(keyword)
        if not isinstance(written, Text):
            return written
        variables = self._services.variables(task, state)
        return given(self._services.templating.evaluate(written, variables))

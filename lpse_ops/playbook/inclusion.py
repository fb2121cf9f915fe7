"""What ``include_*`` tasks bring: hosts that include the same thing get the same tasks."""

from collections.abc import Mapping, Sequence

from lpse_ops.errors import OpsError
from lpse_ops.playbook.attempt import failure
from lpse_ops.playbook.conclusions import Conclusions
from lpse_ops.playbook.model import Node, Task
from lpse_ops.playbook.results import Include, TaskResult
from lpse_ops.playbook.services import Services
from lpse_ops.playbook.walk import CONTINUE, Insert, Reply

INCLUDES = frozenset({"include_tasks", "include_role"})
_HIDDEN = "(censored due to no_log)"


class Inclusion:
    """Those of one batch, which are numbered."""

    def __init__(self, services: Services, conclusions: Conclusions) -> None:
        self._services = services
        self._conclusions = conclusions
        self._number = 0

    def bring(
        self, task: Task, results: Mapping[str, TaskResult], replies: Mapping[str, Reply]
    ) -> dict[str, Reply]:
        """The replies to hosts whose includes brought something, or failed to."""
        loaded: dict[str, list[Node]] = {}
        brought: dict[str, Reply] = {}
        for name, outcome in results.items():
            if not isinstance(replies[name], type(CONTINUE)):
                continue
            nodes: list[Node] = []
            for include in outcome.includes:
                key = repr((include.name, include.args, include.variables))
                if key not in loaded:
                    try:
                        loaded[key] = list(self._load(task, include, results))
                    except OpsError as error:
                        brought[name] = self._failed(name, outcome, error)
                        break
                nodes += loaded[key]
            else:
                brought[name] = Insert(nodes)
        return brought

    def _load(
        self, task: Task, include: Include, results: Mapping[str, TaskResult]
    ) -> Sequence[Node]:
        self._number += 1
        shown, nodes = self._services.load_include(task, include, self._number)
        sharing = [each for each, outcome in results.items() if include in outcome.includes]
        label = include.label
        if any(results[each].no_log for each in sharing):
            shown = label = _HIDDEN
        self._services.display.included(shown, label, sharing)
        return nodes

    def _failed(self, name: str, outcome: TaskResult, error: OpsError) -> Reply:
        result = failure(error)
        failed = TaskResult(name, outcome.task, result, name=outcome.name, no_log=outcome.no_log)
        self._services.display.result(failed)
        return self._conclusions.conclude(name, failed)

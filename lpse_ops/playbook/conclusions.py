"""From results to replies: what a host learns of a task, whom it notifies, how it goes on."""

from lpse_ops.errors import PlaybookError
from lpse_ops.playbook.handlers import HandlerSearch
from lpse_ops.playbook.learning import count, learn
from lpse_ops.playbook.model import Task
from lpse_ops.playbook.results import TaskResult
from lpse_ops.playbook.stage import Stage
from lpse_ops.playbook.walk import CONTINUE, EndHost, Fail, Reply


class Conclusions:
    """Those of one batch."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        templating = stage.services.templating
        self._handlers = HandlerSearch(stage.play, templating, stage.services.display.warning)
        self._quietly = HandlerSearch(stage.play, templating, _tell_nobody)

    def conclude(self, name: str, outcome: TaskResult, *, own: bool = True) -> Reply:
        """Take a result into the state of a host; ``own`` is False for copies of ``run_once``."""
        stage, task = self._stage, outcome.task
        state = stage.hosts[name]
        learn(outcome, state, stage.services.state_of, stage.services.display.warning)
        for handler in outcome.notified:
            self._notify(name, task, handler)
        status = outcome.status
        if own:
            count(outcome, state)
            if task.role is not None and status not in ("skipped", "unreachable"):
                # Of the host that it ran on alone: run_once does the role on no other.
                state.roles_begun.append(task.role)
        if status == "unreachable" and not outcome.is_ignored:
            state.unreachable = True
            return EndHost()
        if status == "failed" and not outcome.is_ignored:
            if not stage.walks[name].is_rescued:
                state.recap.failed += own
                state.failed = True
            return Fail(outcome.result)
        return CONTINUE

    def knows_handler(self, name: str, wanted: str) -> bool:
        """Whether a handler answers on a host; what is notified in vain ends the run."""
        stage = self._stage
        variables = stage.services.variables(None, stage.hosts[name])
        return bool(self._quietly.find(wanted, variables))

    def _notify(self, name: str, task: Task, wanted: str) -> None:
        services = self._stage.services
        variables = services.variables(None, self._stage.hosts[name])
        found = self._handlers.find(wanted, variables)
        for handler in found:
            self._stage.walks[name].notified.add(handler)
        if found:
            return
        message = (
            f"{task.origin}: The requested handler '{wanted}' was not found in either the main "
            "handlers list nor in the listening handlers list"
        )
        if services.missing_handler_fails:
            raise PlaybookError(
                message, hint="write a handler of this name, or one that listens to it"
            )
        services.display.warning(message)


def _tell_nobody(_message: str) -> None:
    """What is only looked up is told when it is notified."""

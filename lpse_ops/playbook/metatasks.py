"""``meta`` tasks: done here and at once; only with ``-vv`` is anything told of them."""

from lpse_ops.errors import OpsError
from lpse_ops.playbook.hosts import HostState
from lpse_ops.playbook.model import Task
from lpse_ops.playbook.results import Result, TaskResult
from lpse_ops.playbook.stage import Stage
from lpse_ops.playbook.walk import CONTINUE, EndHost, EndRole, Flush, Reply

# What did not happen because of a condition; those that are not here take no condition.
_NOT_DONE = {
    "flush_handlers": ", not running handlers for {host}",
    "clear_facts": ", not clearing facts and fact cache for {host}",
    "clear_host_errors": ", not clearing host error state for {host}",
    "end_batch": ", continuing current batch",
    "end_play": ", continuing play",
    "end_host": ", continuing execution for {host}",
    "end_role": ", continuing role {role} for {host}",
}
_DONE = {
    "flush_handlers": "triggered running handlers for {host}",
    "refresh_inventory": "inventory successfully refreshed",
    "clear_facts": "facts cleared",
    "clear_host_errors": "cleared host errors",
    "end_batch": "ending batch",
    "end_play": "ending play",
    "end_host": "ending play for {host}",
    "reset_connection": "reset connection",
}
_ONCE = frozenset(
    {"refresh_inventory", "clear_facts", "clear_host_errors", "end_batch", "end_play"}
)


class MetaTasks:
    """Those of one batch; whoever runs it looks whether ``stage.batch_ended`` afterwards."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage

    def is_once(self, task: Task) -> bool:
        """Whether the first host does it for all that are kept side by side with it."""
        return task.args["_raw_params"] in _ONCE

    def do(self, task: Task, name: str) -> Reply:
        """Do it for a host; of our own tasks nothing is told."""
        state, display = self._stage.hosts[name], self._stage.services.display
        what = str(task.args["_raw_params"])
        if task.implicit:
            return self._do(what, task, state)
        display.task(task, task.label)
        where = {"host": name, "role": task.role.name if task.role else ""}
        if self._is_skipped(what, task, state):
            reason = f"{what} conditional evaluated to False{_NOT_DONE[what].format(**where)}"
            display.meta(reason)
            display.result(TaskResult(name, task, _skipped(what, reason, name), name=task.label))
            return CONTINUE
        reply = self._do(what, task, state)
        if what != "end_role":
            # As in Ansible, which does not tell of it.
            display.meta(_DONE.get(what, what).format(**where))
        return reply

    def _is_skipped(self, what: str, task: Task, state: HostState) -> bool:
        services = self._stage.services
        if what in _NOT_DONE:
            return self._is_false(task, state)
        if task.keywords.chain("when"):
            services.display.warning(f"{what} task does not support when conditional")
        return False

    def _is_false(self, task: Task, state: HostState) -> bool:
        services = self._stage.services
        try:
            variables = services.variables(task, state)
            return services.runner.attempts.first_false(task, variables) is not None
        except OpsError as error:
            # As in Ansible the whole run ends, and not as for a fault of the file.
            message = f"Error while evaluating conditional: {error.message}"
            raise OpsError(message, hint=error.hint) from error

    def _do(self, what: str, task: Task, state: HostState) -> Reply:
        stage = self._stage
        if what == "flush_handlers":
            return Flush()
        if what == "end_host":
            return EndHost()
        if what in ("end_play", "end_batch"):
            stage.batch_ended = True
            stage.play_ended = stage.play_ended or what == "end_play"
            return EndHost()
        if what == "end_role":
            return EndRole()
        if what == "role_complete" and task.role is not None:
            if task.role in state.roles_begun:
                state.roles_done[task.role.key] = task.role
        elif what == "clear_facts":
            for each in stage.hosts.values():
                each.clear_facts()
        elif what == "clear_host_errors":
            for name, each in stage.hosts.items():
                each.failed = each.unreachable = False
                stage.walks[name].forgive()
            stage.services.hosts_changed()
        elif what == "refresh_inventory":
            stage.services.refresh_inventory()
        elif what == "reset_connection":
            stage.services.disconnect(state.name)
        return CONTINUE


def _skipped(what: str, reason: str, host: str) -> Result:
    message = what
    if what == "end_host":
        message = f"end_host conditional evaluated to false, continuing execution for {host}"
    return {"msg": message, "skipped": True, "skip_reason": reason}

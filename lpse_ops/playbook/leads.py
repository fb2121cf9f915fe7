"""The leads of a batch: one for each host whose tasks may be sent ahead."""

from lpse_ops.playbook.conclusions import Conclusions
from lpse_ops.playbook.lead import Lead
from lpse_ops.playbook.model import Task
from lpse_ops.playbook.stage import Stage
from lpse_ops.playbook.variables import Variables


class Leads:
    """Made when they are asked for."""

    def __init__(self, stage: Stage, conclusions: Conclusions) -> None:
        self._stage = stage
        self._conclusions = conclusions
        self._leads: dict[str, Lead] = {}

    def of(self, name: str) -> Lead:
        if name not in self._leads:
            self._leads[name] = self._make(name)
        return self._leads[name]

    def _make(self, name: str) -> Lead:
        services, state = self._stage.services, self._stage.hosts[name]

        def variables(task: Task) -> Variables:
            return services.variables(task, state)

        def knows_handler(wanted: str) -> bool:
            return self._conclusions.knows_handler(name, wanted)

        return Lead(
            name,
            self._stage.walks[name],
            services.runner,
            variables,
            knows_handler,
            services.tasks_ahead,
        )

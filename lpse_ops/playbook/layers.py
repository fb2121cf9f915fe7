"""Which layers of variables a task sees on a host: Ansible's order of precedence.

The numbers are those of ``variables``.  What belongs to the play or the task alone is worked out
once; only facts, registered values and magic variables differ from moment to moment.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from lpse_ops.playbook.hosts import HostState
from lpse_ops.playbook.model import Play, Task
from lpse_ops.playbook.variables import Variables

Layer = Mapping[str, Any]


class PlayLayers:
    """The layers of one play; ``extra`` are ``-e`` values, ``prompted`` those of people."""

    def __init__(self, play: Play, *, extra: Layer, prompted: Layer) -> None:
        self._play = play
        self._extra = extra
        self._prompted = prompted
        self._of_task: dict[int, _TaskLayers] = {}

    def variables(
        self,
        task: Task | None,
        host: HostState,
        *,
        inventory: Layer,
        magic: Layer,
        files: Sequence[Layer] = (),
    ) -> Variables:
        """All variables; ``files`` are those of ``vars_files``, the strongest first."""
        of_task = self._task_layers(task)
        return Variables(
            [
                magic,
                self._extra,
                *of_task.include_params,
                *of_task.role_params,
                host.assigned,
                host.included,
                *of_task.own,
                *of_task.role_vars,
                *files,
                self._prompted,
                self._play.vars,
                host.injected,
                inventory,
                *of_task.defaults,
                {"ansible_host": host.name},
            ]
        )

    def _task_layers(self, task: Task | None) -> "_TaskLayers":
        key = id(task)
        if key not in self._of_task:
            self._of_task[key] = _TaskLayers(self._play, task)
        return self._of_task[key]


class _TaskLayers:
    """What a task adds by the place where it stands, strongest first in each list."""

    def __init__(self, play: Play, task: Task | None) -> None:
        # Kept, so that the id it is found by stays its own.
        self.task = task
        self.include_params: list[Layer] = []
        self.own: list[Layer] = []
        if task is not None:
            for level in task.keywords.levels():
                values = level.own.get("vars")
                if values and level.level != "play":
                    (self.include_params if level.level == "include" else self.own).append(values)
        role = task.role if task is not None else None
        self.role_params: list[Layer] = []
        if role is not None:
            self.role_params = [each.params for each in (role, *reversed(role.parents))]
        exported = [each for each in play.roles if each.public and each is not role]
        own = [] if role is None else [role]
        above = [] if role is None else list(reversed(role.parents))
        below = [] if role is None else list(reversed(list(role.all_dependencies())))
        others = [each for each in reversed(exported) if each not in (*own, *above, *below)]
        # Those that depend on a role beat what it depends on in defaults, but not in vars.
        self.role_vars: list[Layer] = [each.vars for each in (*own, *below, *above, *others)]
        self.defaults: list[Layer] = [each.defaults for each in (*own, *above, *below, *others)]

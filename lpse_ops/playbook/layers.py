"""Which layers of variables a task sees on a host: Ansible's order of precedence.

The numbers are those of ``variables``.  What belongs to the play or the task alone is worked out
once; only facts, registered values and magic variables differ from moment to moment.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from lpse_ops.playbook.hosts import HostState
from lpse_ops.playbook.model import Play, Role, Task
from lpse_ops.playbook.variables import Blended, Variables

Layer = Mapping[str, Any]


class PlayLayers:
    """The layers of one play; ``extra`` are ``-e`` values, ``prompted`` those of people.

    With ``merge_hashes`` mappings of one name are blended, but for magic variables.
    """

    def __init__(
        self, play: Play, *, extra: Layer, prompted: Layer, merge_hashes: bool = False
    ) -> None:
        self._play = play
        self._extra = extra
        self._prompted = prompted
        self._merge_hashes = merge_hashes
        self._of_task: dict[int, _TaskLayers] = {}
        self._of_role: dict[tuple[Role | None, int], _RoleLayers] = {}

    def variables(
        self,
        task: Task | None,
        host: HostState,
        *,
        inventory: Layer,
        magic: Sequence[Layer],
        files: Sequence[Layer] = (),
    ) -> Variables:
        """All variables; ``magic`` and those of ``vars_files`` come with the strongest first."""
        of_role = self._role_layers(task.role if task is not None else None)
        of_task = self._task_layers(task) if task is not None else _NOTHING
        written = (
            self._extra,
            *of_task.include_params,
            *of_role.params,
            host.assigned,
            host.included,
            *of_task.own,
            *of_role.vars,
            *files,
            self._prompted,
            self._play.vars,
            host.injected,
            inventory,
            *of_role.defaults,
        )
        return self._stacked(host, magic, written)

    def of_host(self, host: HostState, *, inventory: Layer, magic: Sequence[Layer]) -> Variables:
        """What others see of a host, in ``hostvars``: nothing of the play and its roles."""
        written = (self._extra, host.assigned, host.included, host.injected, inventory)
        return self._stacked(host, magic, written)

    def _stacked(
        self, host: HostState, magic: Sequence[Layer], written: Sequence[Layer]
    ) -> Variables:
        layers = (Blended(written),) if self._merge_hashes else written
        return Variables([*magic, *layers, {"ansible_host": host.name}])

    def _task_layers(self, task: Task) -> "_TaskLayers":
        found = self._of_task.get(id(task))
        if found is None:
            found = self._of_task[id(task)] = _TaskLayers(task, as_one=self._merge_hashes)
        return found

    def _role_layers(self, role: Role | None) -> "_RoleLayers":
        # A role that is included for all to see changes what each task sees.
        key = (role, len(self._play.roles))
        found = self._of_role.get(key)
        if found is None:
            found = self._of_role[key] = _RoleLayers(self._play, role)
        return found


class _TaskLayers:
    """What a task and the blocks and includes around it say, strongest first of each kind.

    ``as_one``: one layer of each kind, in which an inner mapping takes the place of an outer one.
    """

    def __init__(self, task: Task | None, *, as_one: bool) -> None:
        # Kept, so that the id it is found by stays its own.
        self.task = task
        levels = list(task.keywords.levels()) if task is not None else []
        said = [
            (each.level, values)
            for each in levels
            if each.level != "play" and (values := each.own.get("vars"))
        ]
        included: Sequence[Layer] = [values for level, values in said if level == "include"]
        own: Sequence[Layer] = [values for level, values in said if level != "include"]
        self.include_params = (_flat(included),) if as_one else tuple(included)
        self.own = (_flat(own),) if as_one else tuple(own)


def _flat(layers: Sequence[Layer]) -> Layer:
    return {name: value for layer in reversed(layers) for name, value in layer.items()}


_NOTHING = _TaskLayers(None, as_one=False)


class _RoleLayers:
    """What is seen from within a role, or outside of all of them; strongest first in each list."""

    def __init__(self, play: Play, role: Role | None) -> None:
        self.params: list[Layer] = []
        if role is not None:
            self.params = [each.params for each in (role, *reversed(role.parents))]
        exported = [each for each in play.roles if each.public and each is not role]
        own = [] if role is None else [role]
        above = [] if role is None else list(reversed(role.parents))
        below = [] if role is None else list(reversed(list(role.all_dependencies())))
        others = [each for each in reversed(exported) if each not in (*own, *above, *below)]
        # Those that depend on a role beat what it depends on in defaults, but not in vars.
        self.vars: list[Layer] = [each.vars for each in (*own, *below, *above, *others)]
        self.defaults: list[Layer] = [each.defaults for each in (*own, *above, *below, *others)]

"""One batch of hosts in one play: how each fares, where it is, and whether the play goes on.

One thread alone touches it; only the tasks themselves run in several.
"""

from collections.abc import Mapping, Sequence

from lpse_ops.playbook.flags import as_flag
from lpse_ops.playbook.hosts import HostState
from lpse_ops.playbook.model import Node, Play, Task
from lpse_ops.playbook.results import Result
from lpse_ops.playbook.services import Services
from lpse_ops.playbook.walk import Fail, Hooks, Walk

# What a host fails with that any_errors_fatal takes along.
OTHER_FAILED: Result = {"failed": True, "msg": "another host failed"}


class Stage:
    """``walks`` are where the hosts are; the flags say what is to become of the play."""

    def __init__(
        self, play: Play, hosts: Mapping[str, HostState], services: Services, first: Sequence[Node]
    ) -> None:
        self.play = play
        self.hosts = dict(hosts)
        self.services = services
        self.play_ended = False
        self.batch_ended = False
        self.walks = {name: Walk(play, self._hooks(each), first) for name, each in hosts.items()}

    @property
    def current(self) -> list[str]:
        """The hosts that are still in the play."""
        return [name for name, state in self.hosts.items() if not state.is_out]

    def is_alone(self, name: str) -> bool:
        """Whether no other host has anything left to do."""
        return all(walk.next is None for each, walk in self.walks.items() if each != name)

    def fail_others(self, here: set[str]) -> None:
        """Hosts that are elsewhere in the play fail where they stand."""
        for name, walk in self.walks.items():
            if name not in here and walk.next is not None:
                walk.advance(Fail(OTHER_FAILED))

    def _hooks(self, state: HostState) -> Hooks:
        def on_rescue(task: Task, result: Result) -> None:
            if result is not OTHER_FAILED:
                state.recap.rescued += 1
            state.assigned["ansible_failed_task"] = {
                "name": str(task.name or ""),
                "action": task.action,
            }
            state.assigned["ansible_failed_result"] = result

        def is_wanted(task: Task) -> bool:
            if task.implicit and task.action == "setup" and self.services.gathers_once:
                return not state.is_gathered
            role = task.role
            if role is not None and not role.allow_duplicates:
                done = state.roles_done.get(role.key)
                if done is not None and done is not role:
                    return False
            return task.implicit or self.services.is_selected(task)

        force = self.play.keywords.get("force_handlers", self.services.force_handlers)
        return Hooks(is_wanted, on_rescue, as_flag("force_handlers", force))

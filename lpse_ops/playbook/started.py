"""A task on one host that was begun and not ended: what is known of it, and what is on its way."""

from dataclasses import dataclass, field

from lpse_ops.playbook.attempt import Begun
from lpse_ops.playbook.line import Sent
from lpse_ops.playbook.loops import Items
from lpse_ops.playbook.results import Result, TaskResult
from lpse_ops.playbook.said import Said


@dataclass
class Started:
    """``begun`` has an entry for each of ``layers``, the loop variables of the items.

    ``is_over``: the result is there already.
    """

    outcome: TaskResult
    items: Items | None = None
    layers: list[Result] = field(default_factory=list)
    begun: list[tuple[Said, Begun]] = field(default_factory=list)
    is_over: bool = False

    @property
    def sent(self) -> list[Sent]:
        """What is on its way, in the order in which it was sent."""
        return [each.sent for _, each in self.begun if each.sent is not None]

    @property
    def ignores_errors(self) -> bool:
        """Whether it is no matter if it fails."""
        return all(said.ignores_errors for said, _ in self.begun)

    @property
    def notifies(self) -> set[str]:
        """Handlers that it may notify."""
        return {each for said, _ in self.begun for each in said.notified}

    @property
    def has_failed(self) -> bool:
        """Whether it is known without the host that it failed."""
        return any(each.get("failed") for each in self._known())

    @property
    def is_lost(self) -> bool:
        """Whether it could not be sent, or not all of it."""
        return any(each.get("unreachable") for each in self._known())

    def _known(self) -> list[Result]:
        known = [each.answer or each.result or {} for _, each in self.begun if each.sent is None]
        return [*known, self.outcome.result]

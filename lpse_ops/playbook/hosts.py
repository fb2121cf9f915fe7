"""What a run knows of each host: facts, what was set and registered, and how it fared."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from lpse_ops.playbook.hostile import safe_facts
from lpse_ops.playbook.variables import blend

# The fact that says that there are facts: ansible-core's, for ``gathering = smart``.
GATHERED = "_ansible_facts_gathered"


def _keep_nothing(_facts: Mapping[str, Any] | None) -> None:
    """Facts end with the run."""


@dataclass
class Recap:
    """The counts of the last lines of a run; a task with a loop counts once."""

    ok: int = 0
    changed: int = 0
    unreachable: int = 0
    failed: int = 0
    skipped: int = 0
    rescued: int = 0
    ignored: int = 0


@dataclass(eq=False)
class HostState:
    """One host through all plays of a run.

    ``facts`` come from modules (``ansible_facts``), ``injected`` are the same as variables
    (precedence 11), ``included`` come from ``include_vars`` (18) and ``assigned`` from
    ``set_fact`` and ``register`` (19).
    """

    name: str
    facts: dict[str, Any] = field(default_factory=dict)
    injected: dict[str, Any] = field(default_factory=dict)
    included: dict[str, Any] = field(default_factory=dict)
    assigned: dict[str, Any] = field(default_factory=dict)
    recap: Recap = field(default_factory=Recap)
    failed: bool = False
    unreachable: bool = False
    # Roles that were done from end to end in this play, by their keys.
    roles_done: dict[str, object] = field(default_factory=dict)
    # Roles of which something was run: what was skipped from end to end does not count as done.
    roles_begun: list[object] = field(default_factory=list)
    # Told of new facts, of None when they are forgotten: what keeps them for the next run.
    remember: Callable[[Mapping[str, Any] | None], None] = _keep_nothing
    # ``hash_behaviour = merge``.
    merges: bool = False

    @property
    def is_out(self) -> bool:
        """Whether the host has left the run."""
        return self.failed or self.unreachable

    @property
    def is_gathered(self) -> bool:
        return bool(self.facts.get(GATHERED))

    def learn(self, facts: Mapping[str, Any], *, gathered: bool = False) -> None:
        """Take in ``ansible_facts`` of a result; ``gathered`` are those that a play begins with.

        As variables they keep their names, unless these would decide how the host is reached; in
        ``ansible_facts`` they lose an ``ansible_``.
        """
        facts = {**facts, GATHERED: True} if gathered else facts
        for name, value in facts.items():
            self.facts[name.removeprefix("ansible_")] = value
        self.injected.update(safe_facts(facts))
        self.remember(facts)

    def include(self, variables: Mapping[str, Any]) -> None:
        """Take in what ``include_vars`` has read."""
        self.included.update(blend(self.included, variables) if self.merges else variables)

    def clear_facts(self) -> None:
        self.facts.clear()
        self.injected.clear()
        self.remember(None)

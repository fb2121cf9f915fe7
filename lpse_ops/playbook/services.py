"""What the batches of a play are given: everything that is not the state of their hosts."""

from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass

from lpse_ops.playbook.events import Display
from lpse_ops.playbook.hosts import HostState
from lpse_ops.playbook.model import Node, Task
from lpse_ops.playbook.results import Include
from lpse_ops.playbook.stepper import Stepper
from lpse_ops.playbook.taskrun import TaskRun
from lpse_ops.playbook.variables import Variables
from lpse_ops.templating.engine import Templating


@dataclass(frozen=True)
class Services:
    """What a batch needs; ``variables`` gives those of a host for a task."""

    templating: Templating
    runner: TaskRun
    display: Display
    executor: Executor
    variables: Callable[[Task | None, HostState], Variables]
    is_selected: Callable[[Task], bool]
    load_include: Callable[[Task, Include, int], tuple[str, Sequence[Node]]]
    refresh_inventory: Callable[[], None]
    disconnect: Callable[[str], None]
    state_of: Callable[[str], HostState]
    # A host left the run, or came back.
    hosts_changed: Callable[[], None]
    step: Stepper | None = None
    # Tasks of one host that may be on their way at once.
    tasks_ahead: int = 1
    force_handlers: bool = False
    missing_handler_fails: bool = True
    # ``gathering = smart``: facts that are there already are not gathered again.
    gathers_once: bool = False
    # So many percent of a batch may fail before the play ends; None: all but one.
    most_failed: float | None = None

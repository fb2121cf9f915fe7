"""What the command line asks of a run."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from lpse_ops.playbook.targets import Defaults


@dataclass(frozen=True)
class RunOptions:
    """``extra_vars`` are marked values; ``tags`` of ``("all",)`` choose everything."""

    check_mode: bool = False
    diff_mode: bool = False
    forks: int = 50
    # Of plays that do not say one.
    strategy: str = "linear"
    # Tasks of one host that may be on their way at once; with 1 each waits for the one before.
    tasks_ahead: int = 16
    verbosity: int = 0
    limit: str | None = None
    tags: tuple[str, ...] = ("all",)
    skip_tags: tuple[str, ...] = ()
    start_at_task: str | None = None
    extra_vars: Mapping[str, Any] = field(default_factory=dict)
    merge_hashes: bool = False
    force_handlers: bool = False
    missing_handler_fails: bool = True
    gathering: str = "implicit"
    gather_subset: tuple[str, ...] = ("all",)
    gather_timeout: int = 10
    task_timeout_seconds: float | None = None
    defaults: Defaults = field(default_factory=Defaults)

"""What the controller's part of a module is given, and how it says that it failed.

An action is a function ``run(args, action) -> result`` in a module named after it.  ``args`` are
evaluated; the result holds Ansible's keys (``changed``, ``msg``, ``diff``, ...).
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO, Literal, Protocol

from lpse_ops.inventory.inventory import Inventory
from lpse_ops.remote.content import Content
from lpse_ops.remote.raw import RawResult
from lpse_ops.remote.target import Target
from lpse_ops.templating.engine import Templating
from lpse_ops.vault import Vault

Result = dict[str, Any]
Folder = Literal["files", "templates", "tasks", "vars"]


class ActionFailed(Exception):
    """The task failed; ``result`` is what is registered."""

    def __init__(self, message: str, **result: Any) -> None:
        super().__init__(message)
        self.result: Result = {"msg": message, **result, "failed": True}


class ActionSkipped(ActionFailed):
    """The task is skipped after all, and none of its conditions is asked."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.result = {"changed": False, "msg": message, "skipped": True}


class ActionContext(Protocol):
    """One task on one host, for one item of its loop."""

    host: str
    # The host of ``delegate_to``, "" if the task is not delegated.
    delegated_to: str
    check_mode: bool
    diff_mode: bool
    variables: Mapping[str, Any]
    templating: Templating
    vault: Vault | None
    inventory: Inventory
    verbosity: int

    def host_target(self) -> Target:
        """How to reach the task's own host, also when the task is delegated."""

    def run_module(
        self,
        name: str,
        args: Mapping[str, Any],
        *,
        content: Content | None = None,
        save_to: BinaryIO | None = None,
    ) -> Result:
        """Run a module's part on the task's host.

        Its failures are results; ``HostUnreachable`` is raised.
        """

    def run_raw(self, command: str) -> RawResult:
        """Run a command line on the task's host without an agent there."""

    def sleep(self, seconds: float) -> None:
        """Wait; ``ActionFailed`` as soon as the time that the task may take is over."""

    def disconnect(self) -> None:
        """Close the connection to the task's host; the next ``run_module`` makes a new one."""

    def load_yaml(self, path: Path) -> Any:
        """A YAML file of the site, opened with the vault's secrets if it is encrypted."""

    def warn(self, message: str) -> None:
        """Tell the person who runs the play something odd that stops nothing."""

    def find_file(self, folder: Folder, name: str) -> Path:
        """A file of the role or the playbook, or ``ActionFailed`` with the places looked at."""

"""An ``ActionContext`` whose host is this machine: in this process, or a real agent."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from lpse_ops.agent.context import Context, InlineIncoming
from lpse_ops.playbook.actions.context import ActionFailed, Folder, Result
from lpse_ops.remote.content import Content
from lpse_ops.remote.link import AgentLink
from lpse_ops.remote.request import RunOptions
from lpse_ops.remote.target import Target
from lpse_ops.templating.engine import Templating
from lpse_ops.vault import Vault
from tests.agent.thishost import run_module


@dataclass
class LocalAction:
    """``requests`` are the names of the modules that were asked for, one for each round trip."""

    folder: Path
    check_mode: bool = False
    diff_mode: bool = False
    variables: Mapping[str, Any] = field(default_factory=dict)
    vault: Vault | None = None
    host: str = "localhost"
    delegated_to: str = ""
    requests: list[str] = field(default_factory=list)
    # How many bytes of content the modules asked for; not known of an agent's.
    transferred: int = 0
    link: AgentLink | None = None
    verbosity: int = 0
    warnings: list[str] = field(default_factory=list)
    target: Target = field(default_factory=lambda: Target("localhost", "local"))

    @property
    def templating(self) -> Templating:
        return Templating(vault=self.vault)

    def host_target(self) -> Target:
        return self.target

    def find_file(self, folder: Folder, name: str) -> Path:
        for path in (self.folder / folder / name, self.folder / name):
            if path.exists():
                return path
        raise ActionFailed(f"could not find {name}")

    def warn(self, message: str) -> None:
        self.warnings.append(message)

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)

    def run_module(
        self,
        name: str,
        args: Mapping[str, Any],
        *,
        content: Content | None = None,
        save_to: BinaryIO | None = None,
    ) -> Result:
        self.requests.append(name)
        if self.link:
            options = RunOptions(check_mode=self.check_mode, diff_mode=self.diff_mode)
            return self.link.run(name, args, options=options, content=content, save_to=save_to)
        context = Context(
            check_mode=self.check_mode,
            diff_mode=self.diff_mode,
            incoming=self._incoming(content) if content else None,
            send=(lambda file: save_to.write(file.read())) if save_to else None,
        )
        return run_module(name, args, context)

    def _incoming(self, content: Content) -> InlineIncoming:
        with content.open() as file:
            return _Counted(file.read(), content.checksum, self)


class _Counted(InlineIncoming):
    def __init__(self, content: bytes, checksum: str, action: LocalAction) -> None:
        super().__init__(content)
        self.checksum = checksum
        self._action = action

    def copy_to(self, file: Any) -> int:
        size = super().copy_to(file)
        self._action.transferred += size
        return size

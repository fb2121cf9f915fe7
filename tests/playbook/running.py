"""Plays run in this process on local hosts: what they print, and how much was on its way when."""

import io
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lpse_ops.cli.playbook_display import DefaultDisplay
from lpse_ops.inventory.inventory import load_inventory
from lpse_ops.playbook.links import Links
from lpse_ops.playbook.options import RunOptions
from lpse_ops.playbook.results import TaskResult
from lpse_ops.playbook.run import Run, Site
from lpse_ops.playbook.stepper import Stepper
from lpse_ops.remote.connect import HostLinks
from lpse_ops.remote.target import Target
from lpse_ops.templating.engine import Templating
from tests.playbook.loading import load, make_context


class CountingLinks(Links):
    """Knows how many requests have gone to hosts."""

    def __init__(self) -> None:
        self._made: list[HostLinks] = []
        super().__init__(self._make_host)

    def _make_host(self, target: Target) -> HostLinks:
        self._made.append(HostLinks(target))
        return self._made[-1]

    @property
    def frames_sent(self) -> int:
        return sum(link.frames_sent for made in self._made for link in made._links.values())


class CountingDisplay(DefaultDisplay):
    """Notes at each result how many requests had gone out before it was told."""

    def __init__(self, stream: io.StringIO, links: CountingLinks) -> None:
        super().__init__(stream, columns=79, warn=print)
        self._links = links
        self.sent: list[int] = []

    def result(self, result: TaskResult) -> None:
        self.sent.append(self._links.frames_sent)
        super().result(result)


@dataclass(frozen=True)
class Ran:
    """``sent`` has the number of requests that had gone out when each result was told."""

    status: int
    text: str
    sent: list[int]
    variables: dict[str, dict[str, Any]] = field(default_factory=dict)


def run_play(
    folder: Path,
    files: Mapping[str, str] | str,
    *,
    hosts: str = "h1",
    variables: Mapping[str, Any] | None = None,
    step: Stepper | None = None,
    **options: Any,
) -> Ran:
    """Run ``site.yml`` on ``hosts``, all of which are this machine."""
    folder.mkdir(exist_ok=True)
    playbook = load(folder, files)
    lines = "".join(
        f"{name} ansible_connection=local ansible_python_interpreter=/usr/bin/python3\n"
        for name in hosts.split(",")
    )
    (folder / "hosts").write_text(lines)
    inventory = load_inventory(
        (str(folder / "hosts"),), playbook_folder=None, vault=None, warn=print
    )
    links = CountingLinks()
    stream = io.StringIO()
    display = CountingDisplay(stream, links)
    templating = Templating(warn=print)
    context = make_context(roles_path=(folder / "roles",))
    site = Site(
        inventory, templating, None, context, links, display, lambda _prompt: "",
        RunOptions(extra_vars=dict(variables or {}), **options),
        step=step,
    )  # fmt: skip
    run = Run(site)
    try:
        status = run.run([playbook])
    finally:
        links.close()
    states = {name: state.assigned for name, state in run.states.items()}
    return Ran(status, stream.getvalue(), display.sent, states)

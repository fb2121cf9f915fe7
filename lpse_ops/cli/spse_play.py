"""Which playbook brings SPSE to where it should be, and what a run of it said of each host."""

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path, PurePath

from lpse_ops.cli.shipped import SHIPPED, files_below
from lpse_ops.cli.wiring import App
from lpse_ops.errors import PlaybookError
from lpse_ops.marked import Origin
from lpse_ops.playbook.hosts import HostState
from lpse_ops.playbook.model import Play, Task
from lpse_ops.playbook.results import Result, TaskResult
from lpse_ops.spse.fleetresult import Played

# What the role says of the step runner's exit status.
_TOLD_STATUS = re.compile(r"(?m)^rc=(\d{1,3})$")
_LONGEST = 500


def find_playbook(app: App, name: str, said: Path | None) -> Path:
    """The one that was named, else the site's own, else the one that this program brings."""
    if said is not None:
        return said
    site = app.settings_folder
    folders = [site, SHIPPED] if site else [SHIPPED]
    places = [folder / "playbooks" / name for folder in folders]
    found = next((place for place in places if place.is_file()), None)
    if found is None:
        raise PlaybookError(
            f"there is no playbook {name}: looked at {', '.join(map(str, places))}",
            hint="lay the playbooks out with lpse-ops init DIR, or install lpse-ops again",
        )
    return found


def find_differing(playbook: Path) -> list[Path]:
    """What a site changed, or has of another version of this program, next to its playbook."""
    site = playbook.absolute().parent.parent
    differing = []
    for name in ("playbooks", "roles"):
        for path, content in files_below(SHIPPED / name, PurePath(name)):
            try:
                is_same = (site / path).read_bytes() == content
            except OSError:
                is_same = False
            if not is_same:
                differing.append(site / path)
    return differing


class HostEnds:
    """A display that keeps the last failure of each host, and shows nothing.

    ``mask`` takes out what must not be shown.
    """

    def __init__(self, mask: Callable[[str], str] = str) -> None:
        self._mask = mask
        self._problems: dict[str, tuple[str, int | None]] = {}

    def played(self, host: str, states: Mapping[str, HostState]) -> Played:
        """How the run ended on a host."""
        state = states.get(host)
        problem, status = self._problems.get(host, ("", None))
        if state is None:
            return Played("untouched")
        if state.unreachable:
            return Played("unreachable", problem=problem)
        if state.failed and host not in self._problems:
            return Played("cut-off", state.recap.changed > 0)
        if state.failed:
            return Played("failed", state.recap.changed > 0, problem, status)
        recap = state.recap
        if not (recap.ok or recap.changed or recap.skipped or recap.failed):
            return Played("untouched")
        return Played("ok", recap.changed > 0)

    def result(self, result: TaskResult) -> None:
        if result.is_ignored or result.status not in ("failed", "unreachable"):
            return
        shown = result.shown
        text = next(
            (str(shown[key]) for key in ("stderr", "msg", "censored") if shown.get(key)), ""
        )
        told = _TOLD_STATUS.search(text)
        known = self._problems.get(result.host, ("", None))[1]
        status = int(told[1]) if told else _number(shown.get("rc"), known)
        text = self._mask(_TOLD_STATUS.sub("", text))
        lines = [line.strip() for line in text.splitlines()]
        self._problems[result.host] = ("; ".join(filter(None, lines))[:_LONGEST], status)

    def play(self, play: Play, name: str, hosts: Sequence[str]) -> None:
        """Only results count; so with all below."""

    def task(self, task: Task, name: str) -> None: ...

    def at_work(self, task: Task, name: str, hosts: Sequence[str]) -> None: ...

    def item(self, task: TaskResult, label: str, result: Result) -> None: ...

    def retry(self, task: TaskResult, result: Result, left: int) -> None: ...

    def included(self, name: str, label: str, hosts: Sequence[str]) -> None: ...

    def no_hosts_left(self) -> None: ...

    def playbook(self, name: str, n_plays: int) -> None: ...

    def meta(self, message: str) -> None: ...

    def warning(self, message: str, origin: Origin | None = None) -> None: ...

    def recap(self, hosts: Mapping[str, HostState]) -> None: ...


def _number(value: object, otherwise: int | None) -> int | None:
    return value if type(value) is int else otherwise

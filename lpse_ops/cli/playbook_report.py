"""What a run told, for machines: JSON, or JUnit XML for CI pipelines; written when it ends."""

import io
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from threading import RLock
from typing import Any, TextIO
from xml.etree import ElementTree

from lpse_ops.marked import Origin
from lpse_ops.playbook.events import Warn
from lpse_ops.playbook.hosts import HostState
from lpse_ops.playbook.model import Play, Task
from lpse_ops.playbook.results import Result, TaskResult

_SCHEMA = "lpse-ops/playbook/run/1"
# What XML cannot hold.
_CONTROLS = {number: " " for number in range(32) if number not in (9, 10, 13)}


@dataclass
class ToldTask:
    name: str
    action: str
    place: str | None
    started: datetime
    hosts: dict[str, TaskResult] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)


@dataclass
class ToldPlay:
    name: str
    hosts: tuple[str, ...]
    tasks: list[ToldTask] = field(default_factory=list)


class ReportDisplay:
    """Keeps every result and writes all of them at the end; thread-safe."""

    def __init__(
        self,
        render: Callable[[Sequence[ToldPlay], Mapping[str, HostState]], str],
        stream: TextIO = sys.stdout,
        mask: Callable[[str], str] = str,
        *,
        warn: Warn,
    ) -> None:
        self._render = render
        self._stream = stream
        self._mask = mask
        self._lock = RLock()
        self._plays: list[ToldPlay] = []
        self._warn = warn

    def play(self, play: Play, name: str, hosts: Sequence[str]) -> None:  # noqa: ARG002
        self._plays.append(ToldPlay(name, tuple(hosts)))

    def task(self, task: Task, name: str) -> None:
        place = str(task.origin) if task.origin else None
        self._plays[-1].tasks.append(ToldTask(name, task.action, place, datetime.now(UTC)))

    def at_work(self, task: Task, name: str, hosts: Sequence[str]) -> None:
        """Results have their times."""

    def item(self, task: TaskResult, label: str, result: Result) -> None:
        """Items are part of the task's result."""

    def retry(self, task: TaskResult, result: Result, left: int) -> None:
        """The last try counts."""

    def result(self, result: TaskResult) -> None:
        with self._lock:
            told = self._plays[-1].tasks[-1]
            told.hosts[result.host] = result
            told.seconds[result.host] = (datetime.now(UTC) - told.started).total_seconds()

    def included(self, name: str, label: str, hosts: Sequence[str]) -> None:
        """The included tasks follow by themselves."""

    def no_hosts_left(self) -> None:
        """The recap says so."""

    def playbook(self, name: str, n_plays: int) -> None:
        """Plays are what the report is made of."""

    def meta(self, message: str) -> None:
        """They have no results."""

    def warning(self, message: str, origin: Origin | None = None) -> None:
        self._warn(message, origin)

    def recap(self, hosts: Mapping[str, HostState]) -> None:
        told = self._mask(self._render(self._plays, hosts))
        # What is no UTF-8 on a host came as a lone surrogate, which JSON understands as \\udcXX.
        self._stream.write(told.encode("utf-8", "backslashreplace").decode())
        self._stream.flush()


def render_json(plays: Sequence[ToldPlay], hosts: Mapping[str, HostState]) -> str:
    """Plays, their tasks, and each host's result; times in UTC."""
    document = {
        "schema": _SCHEMA,
        "plays": [
            {"name": play.name, "hosts": play.hosts, "tasks": [_task(each) for each in play.tasks]}
            for play in plays
        ],
        "stats": {name: vars(state.recap) for name, state in sorted(hosts.items())},
    }
    return json.dumps(document, indent=2, ensure_ascii=False, default=str) + "\n"


def _task(told: ToldTask) -> dict[str, Any]:
    return {
        "name": told.name,
        "action": told.action,
        "place": told.place,
        "started": told.started.isoformat(),
        "hosts": {
            host: {
                "status": result.status,
                "ignored": result.is_ignored,
                "delegated_to": result.delegated_to or None,
                "seconds": round(told.seconds[host], 3),
                "result": _public(result.shown),
            }
            for host, result in told.hosts.items()
        },
    }


def _public(result: Result) -> Result:
    return {name: value for name, value in result.items() if not name.startswith("_")}


def render_junit(plays: Sequence[ToldPlay], hosts: Mapping[str, HostState]) -> str:  # noqa: ARG001
    """A suite a play, a case for each task and host: what CI pipelines show as tests."""
    root = ElementTree.Element("testsuites", name="lpse-ops playbook run")
    for play in plays:
        suite = ElementTree.SubElement(root, "testsuite", name=_text(play.name))
        counts = {"tests": 0, "failures": 0, "errors": 0, "skipped": 0}
        for told in play.tasks:
            for host, result in told.hosts.items():
                counts["tests"] += 1
                if kind := _case(suite, told, host, result):
                    counts[kind] += 1
        for name, count in counts.items():
            suite.set(name, str(count))
    buffer = io.BytesIO()
    ElementTree.indent(root)
    ElementTree.ElementTree(root).write(buffer, encoding="utf-8", xml_declaration=True)
    return buffer.getvalue().decode() + "\n"


def _case(suite: ElementTree.Element, told: ToldTask, host: str, result: TaskResult) -> str:
    """Add a test case; tell which count it adds to, if any."""
    case = ElementTree.SubElement(
        suite,
        "testcase",
        name=_text(f"[{host}] {told.name}"),
        classname=_text(told.place or told.action),
        time=f"{told.seconds[host]:.3f}",
    )
    message = _text(str(result.shown.get("msg", result.shown.get("censored", ""))))
    if result.status == "skipped":
        ElementTree.SubElement(case, "skipped", message=message)
        return "skipped"
    kinds = {"failed": ("failure", "failures"), "unreachable": ("error", "errors")}
    if result.is_ignored or result.status not in kinds:
        return ""
    tag, count = kinds[result.status]
    details = json.dumps(_public(result.shown), indent=2, ensure_ascii=False, default=str)
    ElementTree.SubElement(case, tag, message=message).text = _text(details)
    return count


def _text(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode().translate(_CONTROLS)

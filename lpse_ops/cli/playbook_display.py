"""What a run prints: Ansible's default lines, which people and scripts know."""

import json
import re
import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from threading import RLock
from typing import TextIO

from lpse_ops.cli.output import printable
from lpse_ops.cli.playbook_diff import render_diff
from lpse_ops.cli.playbook_failure import failure_lines, invocation, without_streams
from lpse_ops.marked import Origin
from lpse_ops.playbook.customstats import CustomStats
from lpse_ops.playbook.events import Warn
from lpse_ops.playbook.hosts import HostState
from lpse_ops.playbook.model import Play, Task
from lpse_ops.playbook.registry import find_action, is_of_host
from lpse_ops.playbook.results import Result, TaskResult, status_of

_COLORS = {
    "ok": "0;32",
    "changed": "0;33",
    "skipped": "0;36",
    "failed": "0;31",
    "unreachable": "1;31",
    "debug": "1;30",
    "warning": "1;35",
    "verbose": "0;34",
}
# What is not a newline or a tab.
_LAYOUT = re.compile(r"[^\n\t]+")
_INCLUDES = ("include_tasks", "include_role")
# What these say is why they are there.
_VERBOSE = ("debug", "assert")
# Facts of a host fill a screen; to see them there is `setup` with `register` and `debug`.
_LONG = ("setup", "gather_facts")
# Shown by their own lines or of no interest unless asked for.
_NEVER = ("hint", "diff", "exception", "warnings", "deprecations")
_SAID_BEFORE = ("failed", "skipped")
# What debug shows besides a variable only when that is asked for.
_NOT_ASKED_FOR = {"changed", "warnings", "ansible_loop_var", "ansible_index_var", "ansible_loop"}


class DefaultDisplay:
    """Text on ``stream``, without what ``mask`` takes out; thread-safe.

    ``is_for_people``: a failure is told with its arguments, and its output line by line.
    """

    def __init__(
        self,
        stream: TextIO = sys.stdout,
        *,
        warn: Warn,
        verbosity: int = 0,
        color: bool = False,
        columns: int = 0,
        show_ok: bool = True,
        show_skipped: bool = True,
        mask: Callable[[str], str] = str,
        is_for_people: bool = False,
        custom_stats: CustomStats | None = None,
    ) -> None:
        self._custom_stats = custom_stats
        self._stream = stream
        self._verbosity = verbosity
        self._color = color
        self._columns = columns or shutil.get_terminal_size((79, 24)).columns
        self._show_ok = show_ok
        self._show_skipped = show_skipped
        self._mask = mask
        self._is_for_people = is_for_people and verbosity < 3
        self._excerpts: set[str] = set()
        self._lock = RLock()
        self._warn = warn

    # -- what happens ------------------------------------------------------------------------

    def play(self, play: Play, name: str, hosts: Sequence[str]) -> None:  # noqa: ARG002
        self._banner(f"PLAY [{name}]")
        if not hosts:
            self._line("skipping: no hosts matched", "skipped")

    def task(self, task: Task, name: str) -> None:
        kind = "RUNNING HANDLER" if task.is_handler else "TASK"
        self._banner(f"{kind} [{name}]")
        if self._verbosity >= 2 and task.origin is not None:
            self._line(f"task path: {task.origin.file}:{task.origin.line}", "debug")

    def at_work(self, task: Task, name: str, hosts: Sequence[str]) -> None:
        """Nothing: there is no line of it yet."""

    def item(self, task: TaskResult, label: str, result: Result) -> None:
        status = status_of(result)
        is_include = task.task.action in _INCLUDES and status not in ("failed", "skipped")
        if is_include or not self._is_shown(status):
            return
        self._diff(task, result)
        head = f"{_HEADS[status]}: [{_host(task, status)}]"
        if status in ("failed", "unreachable"):
            if status == "failed" and not task.no_log:
                self._excerpt(task, result)
            self._line(
                f"failed: [{_host(task)}] (item={label}) => {self._json(result, task)}", status
            )
            self._details(task, result, status)
        else:
            more = f" => {self._json(result, task)}" if self._is_verbose(task.task, result) else ""
            space = " " if status == "skipped" and not more else ""
            self._line(f"{head} => (item={label}){more}{space}", status)

    def retry(self, task: TaskResult, result: Result, left: int) -> None:  # noqa: ARG002
        text = f"FAILED - RETRYING: [{_host(task)}]: {task.name} ({left} retries left)."
        self._line(text, "debug")

    def result(self, result: TaskResult) -> None:
        shown, status = result.shown, result.status
        if self._custom_stats is not None:
            self._custom_stats.take(result)
        has_items = result.task.loop is not None and "results" in result.result
        if result.task.action in _INCLUDES and result.includes:
            return
        if not has_items:
            self._diff(result, shown)
        if status in ("failed", "unreachable"):
            self._failure(result, shown, has_items=has_items)
        elif has_items and status != "skipped":
            return
        elif self._is_shown(status):
            more = (
                f" => {self._json(shown, result)}" if self._is_verbose(result.task, shown) else ""
            )
            self._line(f"{_HEADS[status]}: [{_host(result, status)}]{more}", status)

    def included(self, name: str, label: str, hosts: Sequence[str]) -> None:
        item = f" => (item={label})" if label else ""
        self._line(f"included: {name} for {', '.join(hosts)}{item}", "skipped")

    def no_hosts_left(self) -> None:
        self._banner("NO MORE HOSTS LEFT")

    def playbook(self, name: str, n_plays: int) -> None:
        if self._verbosity >= 2:
            self._banner(f"PLAYBOOK: {Path(name).name}")
            self._line(f"{n_plays} plays in {name}", "verbose")

    def meta(self, message: str) -> None:
        if self._verbosity >= 2:
            self._line(f"META: {message}", "verbose")

    def warning(self, message: str, origin: Origin | None = None) -> None:
        self._warn(message, origin)

    def recap(self, hosts: Mapping[str, HostState]) -> None:
        self._banner("PLAY RECAP")
        for name in sorted(hosts):
            counts = hosts[name].recap
            if not any(vars(counts).values()):
                continue
            fields = [
                ("ok", counts.ok, 4),
                ("changed", counts.changed, 4),
                ("unreachable", counts.unreachable, 4),
                ("failed", counts.failed, 4),
                ("skipped", counts.skipped, 4),
                ("rescued", counts.rescued, 4),
                ("ignored", counts.ignored, 4),
            ]
            text = " ".join(f"{key}={value:<{width}}" for key, value, width in fields)
            worst = "failed" if counts.failed or counts.unreachable else "ok"
            worst = "changed" if worst == "ok" and counts.changed else worst
            self._line(f"{name:<26} : {text}", worst)
        self._line("")
        lines = list(self._custom_stats.lines()) if self._custom_stats else []
        if lines:
            self._banner("CUSTOM STATS:")
        for line in [*lines, ""] if lines else []:
            self._line(line)

    # -- how it looks ------------------------------------------------------------------------

    def _failure(self, result: TaskResult, shown: Result, *, has_items: bool) -> None:
        word = "UNREACHABLE" if result.status == "unreachable" else "FAILED"
        if not has_items:
            if result.status == "failed" and not result.no_log:
                self._excerpt(result, shown)
            self._line(
                f"fatal: [{_host(result)}]: {word}! => {self._json(shown, result)}", result.status
            )
            self._details(result, shown, result.status)
        hint = result.result.get("hint")
        if hint and not result.no_log:
            self._line(f"hint: {hint}", "debug")
        if result.is_ignored:
            self._line("...ignoring", "skipped")

    def _diff(self, task: TaskResult, result: Result) -> None:
        diff = result.get("diff")
        if diff and result.get("changed") and task.shows_diff:
            for text in render_diff(diff):
                self._write(text)

    def _is_shown(self, status: str) -> bool:
        if status == "ok":
            return self._show_ok
        return self._show_skipped if status == "skipped" else True

    def _is_verbose(self, task: Task, result: Result) -> bool:
        if task.action in _LONG and not result.get("skipped"):
            return False
        if result.get("skipped"):
            return self._verbosity > 0
        return self._verbosity > 0 or task.action in _VERBOSE

    def _details(self, task: TaskResult, result: Result, status: str) -> None:
        if self._is_for_people and status == "failed":
            for line in failure_lines(task, result, self._mask):
                self._line(line, status)

    def _json(self, result: Result, of: TaskResult) -> str:
        task = of.task
        if self._is_for_people and result.get("failed") and not of.no_log:
            result = without_streams(result)
        if self._verbosity >= 3 and not result.get("skipped") and not result.get("unreachable"):
            result = result | invocation(of)
        hidden = (*_NEVER, *_SAID_BEFORE, *(("invocation",) if self._verbosity < 3 else ()))
        shown = {
            name: value
            for name, value in result.items()
            if not name.startswith("_") and name not in hidden
        }
        if task.action == "debug" and not result.get("failed"):
            kept = ("msg",) if "msg" in shown else tuple(set(shown) - _NOT_ASKED_FOR)
            shown = {name: shown[name] for name in kept}
        is_short = self._verbosity < 3 and (task.action not in _VERBOSE or "_origin" in result)
        indent = None if is_short else 4
        return json.dumps(shown, indent=indent, ensure_ascii=False, sort_keys=True, default=str)

    def _excerpt(self, result: TaskResult, shown: Result) -> None:
        """What failed and where it was written, with the line and two before it."""
        origin = result.result.get("_origin") or shown.get("_origin") or result.task.origin
        if origin is None or not origin.line:
            return
        action = result.task.action
        is_module = "rc" in shown or (is_of_host(action) and find_action(action) is None)
        kind = "Module failed: " if is_module else "Action failed: "
        message = str(shown.get("msg", ""))
        said = message.removeprefix("Task failed: ")
        if said == message:
            said = f"{kind}{message}"
        lines = [f"[ERROR]: Task failed: {said}", f"Origin: {origin}", "", *source_lines(origin)]
        text = "\n".join([*lines, ""])
        # The same fault on the next host is known by its line.
        if text not in self._excerpts:
            self._excerpts.add(text)
            self._line(text, "failed")

    def _banner(self, text: str) -> None:
        stars = max(3, self._columns - len(text))
        self._line(f"\n{text} {'*' * stars}")

    def _line(self, text: str, color: str = "") -> None:
        self._write(text, color, end="\n")

    def _write(self, text: str, color: str = "", *, end: str = "") -> None:
        # Masked first: a secret with such characters would not be known again.
        text = harmless(self._mask(text))
        if self._color and color:
            text = f"\x1b[{_COLORS[color]}m{text}\x1b[0m"
        encoding = getattr(self._stream, "encoding", None) or "utf-8"
        text = text.encode(encoding, "backslashreplace").decode(encoding)
        with self._lock:
            self._stream.write(text + end)
            self._stream.flush()


_HEADS = {
    "ok": "ok",
    "changed": "changed",
    "skipped": "skipping",
    "failed": "failed",
    "unreachable": "unreachable",
}


def harmless(text: str) -> str:
    """The lines of a text without what a terminal would obey: hosts choose what results say."""
    if text.isascii() and text.replace("\n", "").isprintable():
        return text
    return _LAYOUT.sub(lambda found: printable(found[0]), text)


def source_lines(origin: Origin) -> list[str]:
    """The line of a place with up to two before it, numbered, and a caret below the column."""
    try:
        with open(origin.file, encoding="utf-8", errors="replace") as file:
            lines = file.read().splitlines()
    except OSError:
        return []
    first = max(1, origin.line - 2)
    width = len(str(origin.line))
    shown = [
        f"{number:>{width}} {printable(lines[number - 1])}"
        for number in range(first, origin.line + 1)
        if number <= len(lines)
    ]
    return [*shown, f"{' ' * (width + origin.column)}^ column {origin.column}"]


def _host(result: TaskResult, status: str = "") -> str:
    if result.delegated_to and status != "skipped":
        return f"{result.host} -> {result.delegated_to}"
    return result.host

"""What a run prints: Ansible's default lines, which people and scripts know."""

import json
import re
import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from threading import RLock
from typing import Any, TextIO

from lpse_ops.cli.output import printable
from lpse_ops.cli.playbook_diff import render_diff
from lpse_ops.marked import Origin
from lpse_ops.playbook.hosts import HostState
from lpse_ops.playbook.model import Play, Task
from lpse_ops.playbook.results import Result, TaskResult

_COLORS = {
    "ok": "0;32",
    "changed": "0;33",
    "skipped": "0;36",
    "failed": "0;31",
    "unreachable": "1;31",
    "debug": "1;30",
    "warning": "1;35",
}
# What is not a newline or a tab.
_LAYOUT = re.compile(r"[^\n\t]+")
_INCLUDES = ("include_tasks", "include_role")
# What these say is why they are there.
_VERBOSE = ("debug", "assert")
# Shown by their own lines or of no interest unless asked for.
_NEVER = ("hint", "diff", "exception")
_HIDDEN = (*_NEVER, "failed", "unreachable", "invocation")


class DefaultDisplay:
    """Text on ``stream``, without what ``mask`` takes out; thread-safe."""

    def __init__(
        self,
        stream: TextIO = sys.stdout,
        *,
        verbosity: int = 0,
        color: bool = False,
        columns: int = 0,
        show_ok: bool = True,
        show_skipped: bool = True,
        mask: Callable[[str], str] = str,
    ) -> None:
        self._stream = stream
        self._verbosity = verbosity
        self._color = color
        self._columns = columns or shutil.get_terminal_size((79, 24)).columns
        self._show_ok = show_ok
        self._show_skipped = show_skipped
        self._mask = mask
        self._lock = RLock()
        self._warned: set[str] = set()

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

    def item(self, task: TaskResult, label: str, result: Result) -> None:
        status = _status(result)
        is_include = task.task.action in _INCLUDES and status not in ("failed", "skipped")
        if is_include or not self._is_shown(status):
            return
        self._diff(task, result)
        head = f"{_HEADS[status]}: [{_host(task)}]"
        if status in ("failed", "unreachable"):
            self._line(
                f"failed: [{_host(task)}] (item={label}) => {self._json(result, task.task)}", status
            )
        else:
            more = (
                f" => {self._json(result, task.task)}"
                if self._is_verbose(task.task, result)
                else ""
            )
            space = " " if status == "skipped" and not more else ""
            self._line(f"{head} => (item={label}){more}{space}", status)

    def retry(self, task: TaskResult, result: Result, left: int) -> None:  # noqa: ARG002
        text = f"FAILED - RETRYING: [{_host(task)}]: {task.name} ({left} retries left)."
        self._line(text, "debug")

    def result(self, result: TaskResult) -> None:
        shown, status = result.shown, result.status
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
                f" => {self._json(shown, result.task)}"
                if self._is_verbose(result.task, shown)
                else ""
            )
            self._line(f"{_HEADS[status]}: [{_host(result)}]{more}", status)

    def included(self, name: str, label: str, hosts: Sequence[str]) -> None:
        item = f" => (item={label})" if label else ""
        self._line(f"included: {name} for {', '.join(hosts)}{item}", "skipped")

    def no_hosts_left(self) -> None:
        self._banner("NO MORE HOSTS LEFT")

    def warning(self, message: str) -> None:
        with self._lock:
            if message not in self._warned:
                self._warned.add(message)
                sys.stderr.write(f"[WARNING]: {self._mask(printable(message))}\n")

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

    # -- how it looks ------------------------------------------------------------------------

    def _failure(self, result: TaskResult, shown: Result, *, has_items: bool) -> None:
        word = "UNREACHABLE" if result.status == "unreachable" else "FAILED"
        if not has_items:
            if result.status == "failed" and not result.no_log:
                self._excerpt(result, shown)
            self._line(
                f"fatal: [{_host(result)}]: {word}! => {self._json(shown, result.task)}",
                result.status,
            )
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
        if result.get("skipped"):
            return self._verbosity > 0
        return self._verbosity > 0 or task.action in _VERBOSE

    def _json(self, result: Result, task: Task) -> str:
        hidden = _HIDDEN if self._verbosity < 3 else _NEVER
        shown = {
            name: value
            for name, value in result.items()
            if not name.startswith("_") and name not in hidden
        }
        if task.action == "debug" and not result.get("failed"):
            kept = ("msg",) if "msg" in shown else tuple(set(shown) - {"changed"})
            shown = {name: shown[name] for name in kept}
        is_bad = result.get("failed") or result.get("unreachable")
        is_short = (
            self._verbosity == 0 and is_bad and (task.action not in _VERBOSE or "_origin" in result)
        )
        indent = None if is_short else 4
        return json.dumps(shown, indent=indent, ensure_ascii=False, sort_keys=True, default=str)

    def _excerpt(self, result: TaskResult, shown: Result) -> None:
        """What failed and where it was written, with the line and two before it."""
        origin = result.result.get("_origin") or shown.get("_origin") or result.task.origin
        if origin is None or not origin.line:
            return
        kind = "Module failed: " if "rc" in shown else "Action failed: "
        said = f"{kind}{shown.get('msg', '')!s}"
        if "_origin" in shown:
            said = str(shown["msg"]).removeprefix("Task failed: ")
        self._line(f"[ERROR]: Task failed: {said}", "failed")
        self._line(f"Origin: {origin}\n")
        for line in source_lines(origin):
            self._line(line)
        self._line("")

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
    if text.isascii() and text.isprintable():
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


def _status(result: Mapping[str, Any]) -> str:
    if result.get("unreachable"):
        return "unreachable"
    if result.get("failed"):
        return "failed"
    if result.get("skipped"):
        return "skipped"
    return "changed" if result.get("changed") else "ok"


def _host(result: TaskResult) -> str:
    if result.delegated_to:
        return f"{result.host} -> {result.delegated_to}"
    return result.host

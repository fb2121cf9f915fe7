"""The last line of a terminal while plays run: who is still at work, on what, and since when.

    3 of 10 hosts done, 12 s: Install packages (web4, web7 and 5 more)

It stands below what is printed and is gone when nothing runs; a task that ends within a second
is never shown, so that a quick run does not flicker.
"""

import shutil
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TextIO, cast

from lpse_ops.cli.output import printable
from lpse_ops.cli.playbook_display import DefaultDisplay
from lpse_ops.playbook.model import Task
from lpse_ops.playbook.results import TaskResult

# What else is to be said of hosts that are at work; empty for nothing.
Remark = Callable[[Sequence[str]], str]

_FIRST_SECONDS = 1.0
_EVERY_SECONDS = 0.5
_NAMED_HOSTS = 3
_ASKS = "pause"
# Back to the first column, and nothing from there on.
_ERASE = "\r\x1b[K"


def say_no_more(_hosts: Sequence[str]) -> str:
    return ""


class _Doing(NamedTuple):
    task: str
    began: float


class AtWork:
    """Which hosts run which task; any thread may ask."""

    def __init__(
        self, clock: Callable[[], float] = time.monotonic, remark: Remark = say_no_more
    ) -> None:
        self._clock = clock
        self._remark = remark
        self._lock = threading.Lock()
        self._doing: dict[str, _Doing] = {}
        self._hosts: set[str] = set()

    def begin(self, task: str, hosts: Sequence[str]) -> None:
        with self._lock:
            if not self._doing:
                self._hosts.clear()
            self._hosts.update(hosts)
            self._doing |= dict.fromkeys(hosts, _Doing(task, self._clock()))

    def end(self, host: str) -> None:
        with self._lock:
            self._doing.pop(host, None)

    def describe(self) -> str:
        """One line of text, or nothing when there is nothing to wait for."""
        with self._lock:
            doing, n_hosts, now = dict(self._doing), len(self._hosts), self._clock()
        if not doing:
            return ""
        oldest = min(doing.values(), key=lambda each: each.began)
        seconds = now - oldest.began
        if seconds < _FIRST_SECONDS:
            return ""
        hosts = [host for host, each in doing.items() if each.task == oldest.task]
        named = ", ".join(hosts[:_NAMED_HOSTS])
        if len(hosts) > _NAMED_HOSTS:
            named += f" and {len(hosts) - _NAMED_HOSTS} more"
        count = f"{n_hosts - len(doing)} of {n_hosts} hosts done, " if n_hosts > 1 else ""
        more = self._remark(list(doing))
        return f"{count}{seconds:.0f} s: {oldest.task} ({named}){': ' if more else ''}{more}"


class LiveLine:
    """Keeps ``describe()`` below everything that is written through it; thread-safe.

    ``stream`` is the terminal; what goes there by another stream must pass ``through`` as well.
    """

    def __init__(
        self, stream: TextIO, describe: Callable[[], str], columns: Callable[[], int] | None = None
    ) -> None:
        self._stream = stream
        self._describe = describe
        self._columns = columns or (lambda: shutil.get_terminal_size().columns)
        self._lock = threading.RLock()
        self._shown = ""
        self._at_start = True
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._keep, name="live line", daemon=True)

    def start(self) -> None:
        """Look every half second whether the line has changed."""
        self._thread.start()

    def end(self) -> None:
        """Take the line away for good."""
        self._ended.set()
        if self._thread.is_alive():
            self._thread.join()
        with self._lock:
            self._erase()

    def through(self, stream: TextIO) -> TextIO:
        """The same stream, whose every write first takes the line away."""
        return cast(TextIO, _Above(stream, self))

    def write(self, stream: TextIO, text: str) -> int:
        with self._lock:
            self._erase()
            self._at_start = text.endswith("\n") if text else self._at_start
            return stream.write(text)

    def draw(self) -> None:
        """Show what is true now, if the terminal is at the beginning of a line."""
        text = printable(self._describe())[: max(0, self._columns() - 1)]
        with self._lock:
            if not self._at_start or text == self._shown:
                return
            self._erase()
            self._stream.write(text)
            self._stream.flush()
            self._shown = text

    def _erase(self) -> None:
        if self._shown:
            self._stream.write(_ERASE)
            self._stream.flush()
            self._shown = ""

    def _keep(self) -> None:
        while not self._ended.wait(_EVERY_SECONDS):
            self.draw()


class _Above:
    def __init__(self, stream: TextIO, line: LiveLine) -> None:
        self._above = stream
        self._line = line

    def write(self, text: str) -> int:
        return self._line.write(self._above, text)

    def __getattr__(self, name: str) -> object:
        return getattr(self._above, name)


class LiveDisplay(DefaultDisplay):
    """Ansible's lines, and ``at_work`` knows what goes on in between."""

    def __init__(self, stream: TextIO, at_work: AtWork, **options: Any) -> None:
        super().__init__(stream, is_for_people=True, **options)
        self._at_work = at_work

    def at_work(self, task: Task, name: str, hosts: Sequence[str]) -> None:
        # Who is asked something sees the question, and nothing below it.
        if task.action != _ASKS:
            self._at_work.begin(self._mask(name), hosts)

    def result(self, result: TaskResult) -> None:
        self._at_work.end(result.host)
        super().result(result)

"""Talk with the person at the terminal, on standard error; answers go through ``output``."""

import contextlib
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Protocol, TextIO

from lpse_ops.cli.output import printable
from lpse_ops.cli.sizes import format_size

if TYPE_CHECKING:
    from rich.progress import Progress, ProgressColumn, TaskID

_YELLOW, _RESET = "\x1b[33m", "\x1b[0m"


class ProgressBar(Protocol):
    """What long work reports to; any thread may call it."""

    def advance(self, n_bytes: int) -> None: ...

    def update(self, *, total: int | None = None, description: str | None = None) -> None: ...


class SilentBar:
    """The progress bar of a log file."""

    def advance(self, n_bytes: int) -> None:
        """Show nothing."""

    def update(self, *, total: int | None = None, description: str | None = None) -> None:
        """Show nothing."""


class TerminalBar:
    """A bar of ``rich``, which locks around every change."""

    def __init__(self, progress: "Progress", task: "TaskID") -> None:
        self._progress = progress
        self._task = task

    def advance(self, n_bytes: int) -> None:
        self._progress.advance(self._task, n_bytes)

    def update(self, *, total: int | None = None, description: str | None = None) -> None:
        shown = None if description is None else printable(description)
        self._progress.update(self._task, total=total, description=shown)


class Console:
    """Plain lines; colour and progress only on a terminal that wants them."""

    def __init__(self, stream: TextIO, *, quiet: bool, environment: Mapping[str, str]) -> None:
        self._stream = stream
        self._quiet = quiet
        self._no_color = bool(environment.get("NO_COLOR"))
        self._is_terminal = stream.isatty() and environment.get("TERM") != "dumb"
        self._live: Progress | None = None

    def print(self, message: str) -> None:
        """Say something; nothing with --quiet."""
        if not self._quiet:
            self._write("\n".join(map(printable, message.split("\n"))))

    def warn(self, message: str) -> None:
        """Say something that must be seen, also with --quiet."""
        use_color = self._is_terminal and not self._no_color
        label = f"{_YELLOW}warning:{_RESET}" if use_color else "warning:"
        self._write(f"lpse-ops: {label} {printable(message)}")

    @contextlib.contextmanager
    def progress_bar(
        self, description: str, total_bytes: int | None = None
    ) -> Iterator[ProgressBar]:
        """Show bytes, rate and remaining time until the block ends; nothing off a terminal."""
        if self._quiet or not self._is_terminal or self._live is not None:
            yield SilentBar()
            return
        with self._open_progress() as progress:
            self._live = progress
            try:
                yield TerminalBar(
                    progress, progress.add_task(printable(description), total=total_bytes)
                )
            finally:
                self._live = None

    def _write(self, message: str) -> None:
        live = self._live
        if live is None:
            self._stream.write(f"{message}\n")
            self._stream.flush()
        else:
            from rich.text import Text

            # Through the bar, which redraws itself below the line.
            live.console.print(Text.from_ansi(message), soft_wrap=True)

    def _open_progress(self) -> "Progress":
        from rich.console import Console as RichConsole
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

        return Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            _bytes_column(),
            TimeRemainingColumn(),
            console=RichConsole(file=self._stream, no_color=self._no_color),
            transient=True,
        )


def _bytes_column() -> "ProgressColumn":
    """Return a column of done, total and rate; rich's own mixes decimal and binary units."""
    from rich.progress import ProgressColumn, Task
    from rich.text import Text

    class BytesColumn(ProgressColumn):
        def render(self, task: Task) -> Text:
            total = "" if task.total is None else f" of {format_size(task.total)}"
            rate = "" if task.speed is None else f", {format_size(task.speed)}/s"
            return Text(f"{format_size(task.completed)}{total}{rate}")

    return BytesColumn()

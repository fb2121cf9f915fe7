"""Everything that a run says: warnings, the screen or a report, and the log of all that."""

import functools
import getpass
import io
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TextIO

from lpse_ops.cli.output import printable
from lpse_ops.cli.playbook_both import BothDisplays
from lpse_ops.cli.playbook_display import DefaultDisplay
from lpse_ops.cli.playbook_live import AtWork, LiveDisplay, LiveLine, Remark, say_no_more
from lpse_ops.cli.playbook_log import RunLog, logged
from lpse_ops.cli.playbook_quiet import QuietDisplay
from lpse_ops.cli.playbook_report import ReportDisplay, render_json, render_junit
from lpse_ops.cli.playbook_warnings import Warnings
from lpse_ops.playbook.config import Config
from lpse_ops.playbook.customstats import CustomStats
from lpse_ops.playbook.events import Display

_RENDERERS = {"json": render_json, "junit": render_junit}
# Of what is no terminal.
_COLUMNS = 79
_LINKS = 3


class Talk:
    """One command's.  What is written to ``errors`` reaches the log too, once that is open."""

    def __init__(self, stderr: TextIO) -> None:
        self.warn = Warnings(stderr)
        self._log = RunLog(user_name(), self.warn)
        self.errors = self.warn.stream = logged(stderr, self._log)
        self._live: LiveLine | None = None
        # text, or that of a report at the end.
        self.report_format = "text"
        # Where text goes; None is standard output, whatever that is then.
        self.screen: TextIO | None = None

    def settle(self, config: Config, environment: Mapping[str, str]) -> None:
        """Open the log and choose the colour of warnings, as the settings say."""
        self.warn.has_color = _has_color(config, environment, self.errors)
        if config.log_path:
            self._log.open(Path(config.log_path))

    def _keep_line(self, stream: TextIO, describe: Callable[[], str]) -> TextIO:
        """Keep a line at the bottom of the screen; the stream that goes above it."""
        self._live = LiveLine(self._screen, describe)
        self._live.start()
        self.warn.stream = self._live.through(self.errors)
        return self._live.through(stream)

    def close(self) -> None:
        """The run is over, or broken off: nothing is live any more."""
        if self._live is not None:
            self._live.end()

    @property
    def _screen(self) -> TextIO:
        return self.screen or sys.stdout

    def tell_of_links(self, verbosity: int) -> Callable[[str], None]:
        """What is told, from ``-vvv`` on, of how hosts are reached; a report has no room for it."""
        is_text = self.report_format == "text"
        stream = logged(self._screen, self._log) if is_text else self.errors

        def tell(text: str) -> None:
            if verbosity >= _LINKS:
                stream.write(f"{printable(self.warn.mask(text))}\n")

        return tell

    def display(
        self,
        config: Config,
        verbosity: int,
        environment: Mapping[str, str],
        remark: Remark = say_no_more,
        *,
        quiet: bool = False,
    ) -> Display:
        """Lines as Ansible's, ``quiet``: of trouble alone; or a report of which the log has them.

        On a terminal ``remark`` says more of those who are at work; it must not wait.
        """
        make: Callable[..., DefaultDisplay] = DefaultDisplay
        options: dict[str, Any] = {
            "warn": self.warn,
            "verbosity": verbosity,
            "show_ok": config.display_ok_hosts,
            "show_skipped": config.display_skipped_hosts,
            "mask": self.warn.mask,
            "custom_stats": CustomStats() if config.show_custom_stats else None,
        }
        if self.report_format == "text":
            screen = self._screen
            columns = 0 if screen.isatty() else _COLUMNS
            stream = logged(screen, self._log)
            color = _has_color(config, environment, screen)
            if quiet:
                make = QuietDisplay
            elif is_screen(screen, environment):
                at_work = AtWork(remark=remark)
                make = functools.partial(LiveDisplay, at_work=at_work)
                stream = self._keep_line(stream, at_work.describe)
            return make(stream, color=color, columns=columns, **options)
        renderer = _RENDERERS[self.report_format]
        report = ReportDisplay(renderer, sys.stdout, self.warn.mask, warn=self.warn)
        if not config.log_path:
            return report
        return BothDisplays(
            report, DefaultDisplay(logged(_Nowhere(), self._log), columns=_COLUMNS, **options)
        )


def is_screen(stream: TextIO, environment: Mapping[str, str]) -> bool:
    """Whether what was written can be taken away again."""
    return stream.isatty() and environment.get("TERM", "dumb") != "dumb"


class _Nowhere(io.StringIO):
    """A screen that nobody sees, and that keeps nothing."""

    def write(self, text: str) -> int:
        return len(text)


def _has_color(config: Config, environment: Mapping[str, str], stream: TextIO) -> bool:
    wanted = config.force_color or (
        stream.isatty() and not config.no_color and "NO_COLOR" not in environment
    )
    return wanted and os.environ.get("TERM") != "dumb"


def user_name() -> str:
    """Who runs this; some containers have no name for their user."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"uid={os.getuid()}"

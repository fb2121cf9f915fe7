"""What the command line asks a backup to do, and of which machine: this one, or a server.

Imports nothing that a backup of this machine has no use for.
"""

import contextlib
import os
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from lpse_ops.cli.backup_options import path_text
from lpse_ops.cli.pull_options import PullFlags
from lpse_ops.cli.wiring import App

if TYPE_CHECKING:
    from lpse_ops.backup.backuprun import BackupRequest
    from lpse_ops.cli.backup_request import Flags
    from lpse_ops.cli.backup_sources import Sources
    from lpse_ops.cli.pulled_host import PulledHost
    from lpse_ops.postgres.rowcounts import CountMode


class Asked(NamedTuple):
    """What the command line says."""

    paths: tuple[Path, ...]
    databases: tuple[str, ...]
    row_counts: "CountMode | None"
    retry_lock: timedelta
    flags: "Flags"
    host: "PulledHost | None" = None

    def reading(
        self, request: "BackupRequest"
    ) -> "contextlib.AbstractContextManager[BackupRequest]":
        return self.host.reading(request) if self.host else contextlib.nullcontext(request)

    def build(self, app: App) -> "tuple[Sources, BackupRequest]":
        from lpse_ops.cli.backup_request import build_request

        reach = self.host.reach if self.host else contextlib.nullcontext
        built = build_request(app, self.paths, self.databases, self.row_counts, self.flags, reach)
        if self.host is None:
            _tell_of_links(app, built[1].paths)
        return built


def _tell_of_links(app: App, paths: Sequence[bytes]) -> None:
    """A link is stored as one, as restic does; who names one mostly means what is behind it."""
    for path in filter(os.path.islink, paths):
        app.console.warn(
            f"{path_text(path)} is a link and stored as one; what it leads to is stored where "
            f"{path_text(os.path.realpath(path))} is named"
        )


def choose_source(app: App, asked: Asked, pull: PullFlags) -> Asked:
    """The same with the server that is to be read over SSH, if any is."""
    from lpse_ops.cli.pull_choice import choose_host, require_whole_paths

    chosen = choose_host(app, asked.flags["host"], pull)
    if chosen is None:
        return asked
    require_whole_paths(asked.paths)
    from lpse_ops.cli.pull_target import read_target

    target = read_target(app, chosen.name, pull)
    from lpse_ops.backup.unfinished import UnfinishedRuns
    from lpse_ops.cli.pulled_host import PulledHost

    unfinished = UnfinishedRuns(app.state_folder / "unfinished")
    host = PulledHost(target, app.console.warn, unfinished)
    return asked._replace(host=host, flags={**asked.flags, "host": chosen.recorded})

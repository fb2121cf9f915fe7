"""Options and output that several backup commands share."""

import functools
import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from lpse_ops.cli.parameters import DURATION
from lpse_ops.cli.wiring import App
from lpse_ops.errors import UsageError

if TYPE_CHECKING:
    from lpse_ops.backup.repository import Repository
    from lpse_ops.backup.snapshot import Snapshot

# As after a backup: some source could not be read.
SNAPSHOT_UNREADABLE = 3

Decorated = TypeVar("Decorated", bound=Callable[..., Any])


def no_lock_option(command: Decorated) -> Decorated:
    return click.option(
        "--no-lock", is_flag=True, help="Take no lock: for a repository on a read-only medium."
    )(command)


def retry_lock_option(command: Decorated) -> Decorated:
    return click.option(
        "--retry-lock",
        type=DURATION,
        default=timedelta(),
        metavar="10m",
        help="Wait so long for a lock that somebody else holds.",
    )(command)


@dataclass(frozen=True)
class Only:
    """Which snapshots a command looks at: what ``--host``, ``--tag`` and ``--path`` say."""

    host: str | None
    tags: tuple[str, ...]
    paths: tuple[str, ...]

    def refuse_beside(self, named: Sequence[str]) -> None:
        """A filter chooses nothing where ids are named: who gives both expects something else."""
        if named and "latest" not in named and self != EVERY_SNAPSHOT:
            raise UsageError(
                "--host, --tag and --path choose nothing where snapshots are named",
                hint="leave them out; they go without SNAPSHOT, or with 'latest'",
            )

    def all(self, snapshots: "Sequence[Snapshot]") -> "list[Snapshot]":
        from lpse_ops.backup.selection import filter_snapshots

        return filter_snapshots(snapshots, hostname=self.host, paths=self.paths, tags=self.tags)

    def choose(self, snapshots: "Sequence[Snapshot]", wanted: str) -> "Snapshot":
        """The snapshot a user names; ``latest`` is the newest of those that match."""
        from lpse_ops.backup.selection import choose_snapshot

        return choose_snapshot(
            snapshots, wanted, hostname=self.host, paths=self.paths, tags=self.tags
        )

    def choose_each(
        self, snapshots: "Sequence[Snapshot]", wanted: Sequence[str]
    ) -> "list[Snapshot]":
        """Those that a user names, each once; where none is named, all that match."""
        named = [self.choose(snapshots, each) for each in wanted] or self.all(snapshots)
        return list({each.id: each for each in named}.values())


EVERY_SNAPSHOT = Only(None, (), ())


def choose_to_restore(
    app: App, repository: "Repository", only: Only, wanted: str
) -> "tuple[Snapshot, int]":
    """The snapshot a user names, and what to return when all else goes well.

    That is not 0 if ``latest`` may have meant another one, which cannot be read.
    """
    unread: list[str] = []
    snapshots = repository.snapshots(unread.append)
    for message in unread:
        app.console.warn(message)
    chosen = only.choose(snapshots, wanted)
    if wanted != "latest" or not unread:
        return chosen, 0
    app.console.warn(
        f"{chosen.short_id} of {chosen.time:%Y-%m-%d %H:%M:%S %z} is the latest that can be read"
    )
    return chosen, SNAPSHOT_UNREADABLE


def filter_options(command: Decorated) -> Decorated:
    """``--host``, ``--tag`` and ``--path``, as the argument ``only``."""

    @functools.wraps(command)
    def filtered(
        *args: Any,
        host: str | None,
        tags: tuple[str, ...],
        paths: tuple[str, ...],
        **options: Any,
    ) -> Any:
        return command(*args, only=Only(host, tags, paths), **options)

    with_options: Any = filtered
    for option in (
        click.option("--path", "paths", multiple=True, metavar="PATH", help="Only of this path."),
        click.option(
            "--tag",
            "tags",
            multiple=True,
            metavar="TAG[,TAG]",
            help="Only with all of these tags; several --tag: with those of any.",
        ),
        click.option("--host", metavar="NAME", help="Only snapshots of this host."),
    ):
        with_options = option(with_options)
    wrapped: Decorated = with_options
    return wrapped


def snapshot_fields(snapshot: "Snapshot") -> dict[str, Any]:
    """A snapshot in JSON output; names as restic's."""
    return {
        "id": snapshot.id,
        "short_id": snapshot.short_id,
        "time": snapshot.time,
        "hostname": snapshot.hostname,
        "username": snapshot.username,
        "paths": list(snapshot.paths),
        "tags": list(snapshot.tags),
        "tree": snapshot.tree,
        "parent": snapshot.parent or None,
        "program_version": snapshot.program_version or None,
        "summary": snapshot.summary or None,
    }


def path_text(path: bytes) -> str:
    """A path for people and JSON; bytes that are no UTF-8 survive as ``\\udcXX``."""
    return os.fsdecode(path)


def read_patterns(app: App, files: Iterable[Path]) -> list[str]:
    """The patterns in files, as for --exclude-file."""
    from lpse_ops.backup.exclude import parse_pattern_file

    patterns: list[str] = []
    for path in files:
        try:
            patterns += parse_pattern_file(path.read_bytes(), app.environment)
        except OSError as error:
            raise UsageError(
                f"cannot read the patterns in {path}: {error.strerror}",
                hint="see --exclude-file and --include-file, and backup.exclude_file in "
                "lpse-ops.yml",
            ) from error
    return patterns

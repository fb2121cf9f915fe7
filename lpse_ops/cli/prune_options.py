"""What ``backup prune`` and ``backup forget --prune`` share: options, and the figures shown."""

import functools
from collections.abc import Callable
from typing import Any, TypeVar

import click

from lpse_ops.backup.prune import DEFAULT_MAX_UNUSED, PruneOptions, PruneReport
from lpse_ops.backup.pruneplan import UNLIMITED, Count, MaxUnused
from lpse_ops.cli.console import ProgressBar
from lpse_ops.cli.parameters import SIZE
from lpse_ops.cli.sizes import format_size, parse_size
from lpse_ops.errors import UsageError

Decorated = TypeVar("Decorated", bound=Callable[..., Any])


class MaxUnusedType(click.ParamType):  # type: ignore[type-arg] # generic since click 8.5
    """``5%``, ``2GiB`` or ``unlimited``."""

    name = "limit"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> MaxUnused:
        if isinstance(value, MaxUnused):
            return value
        try:
            return parse_max_unused(value)
        except ValueError:
            self.fail(f"{value!r} is not a limit such as 5%, 2GiB or unlimited", param, ctx)
        except UsageError as error:
            self.fail(error.message, param, ctx)


def parse_max_unused(text: str) -> MaxUnused:
    """Raises ``ValueError``, or ``UsageError`` for a percentage that makes no sense."""
    if text == "unlimited":
        return UNLIMITED
    if text.endswith("%"):
        return MaxUnused(percent=float(text[:-1]))
    return MaxUnused(size_bytes=parse_size(text))


def prune_options(command: Decorated) -> Decorated:
    """``--max-unused``, ``--max-repack-size``, ``--repack-uncompressed``: argument ``pruning``."""

    @functools.wraps(command)
    def with_pruning(
        *args: Any,
        max_unused: MaxUnused,
        max_repack_size: int | None,
        repack_uncompressed: bool,
        **options: Any,
    ) -> Any:
        pruning = PruneOptions(max_unused, max_repack_size, repack_uncompressed)
        return command(*args, pruning=pruning, **options)

    decorated: Any = with_pruning
    for option in (
        click.option(
            "--repack-uncompressed",
            is_flag=True,
            help="Rewrite packs with uncompressed blobs, for use after an upgrade from format 1. "
            "What does not compress is rewritten each time.",
        ),
        click.option(
            "--max-repack-size",
            type=SIZE,
            metavar="2GiB",
            help="Rewrite at most so much in this run; 0 only deletes.",
        ),
        click.option(
            "--max-unused",
            type=MaxUnusedType(),
            default=DEFAULT_MAX_UNUSED,
            show_default="5%",
            metavar="5%|2GiB|unlimited",
            help="How much that nobody needs may stay.",
        ),
    ):
        decorated = option(decorated)
    wrapped: Decorated = decorated
    return wrapped


class PruneBar:
    """Lets a prune or a copy move a bar of the console."""

    def __init__(self, bar: ProgressBar) -> None:
        self._bar = bar

    def advance(self, size_bytes: int) -> None:
        self._bar.advance(size_bytes)

    def expect(self, total_bytes: int) -> None:
        self._bar.update(total=total_bytes or None)


def prune_json(report: PruneReport) -> dict[str, Any]:
    """The report as JSON; counts are ``{"blobs": ..., "size_bytes": ...}``."""
    return {
        name: value._asdict() if isinstance(value, Count) else value
        for name, value in vars(report).items()
    }


def render_prune(report: PruneReport) -> str:
    """The report as lines for people."""
    would = "would be " if report.dry_run else ""
    lines = [
        f"used       {_count(report.used)}, by {report.snapshots} snapshots",
        f"unused     {_count(report.unused)}, of these {_count(report.duplicate)} second copies",
        f"packs      {report.packs_kept} kept, {report.packs_removed} {would}removed, "
        f"{report.packs_repacked} ({format_size(report.repacked_bytes)}) {would}repacked"
        + (f" into {report.packs_written}" if report.packs_written else ""),
        f"freed      {format_size(report.freed_bytes)}"
        + (" would be" if report.dry_run else "")
        + f"; {format_size(report.kept_unused_bytes)} unused stay in packs that are kept",
    ]
    if report.orphans_removed or report.orphans_waiting:
        size = format_size(report.orphans_waiting_bytes)
        lines.append(
            f"orphans    {report.orphans_removed} packs in no index {would}removed, "
            f"{report.orphans_waiting} ({size}) wait until they are a day old"
        )
    if report.not_removed:
        lines.append(
            f"left       {len(report.not_removed)} packs could not be deleted: "
            f"{report.why_not_removed}"
        )
    return "\n".join(lines)


def _count(count: Count) -> str:
    return f"{count.blobs} blobs, {format_size(count.size_bytes)}"

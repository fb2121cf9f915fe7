"""Remove snapshots by a policy, or those named."""

from dataclasses import dataclass, replace
from datetime import timedelta, tzinfo
from pathlib import Path

import click

from lpse_ops.backup.completeness import Completeness
from lpse_ops.backup.forget import ForgetPlan, carry_out, plan_by_name, plan_by_policy
from lpse_ops.backup.prune import PruneOptions, PruneReport, prune
from lpse_ops.backup.repository import Repository
from lpse_ops.backup.retention import GroupBy, KeepPolicy, parse_group_by
from lpse_ops.cli.backup_options import Only, filter_options, no_lock_option, retry_lock_option
from lpse_ops.cli.forget_report import forget_fields, render_forget
from lpse_ops.cli.keep_options import keep_options
from lpse_ops.cli.output import emit
from lpse_ops.cli.parameters import format_option, output_option, repository_options
from lpse_ops.cli.prune_options import PruneBar, prune_options
from lpse_ops.cli.records import record_of_chosen
from lpse_ops.cli.repository_access import locked
from lpse_ops.cli.wiring import App
from lpse_ops.errors import UsageError

_NOT_ALL_REMOVED = 1


@dataclass(frozen=True)
class _Asked:
    """What the command line says of which snapshots go; ``keep`` is None without a --keep-*."""

    named: tuple[str, ...]
    keep: KeepPolicy | None
    by: GroupBy
    only: Only
    even_if_stale: bool
    even_if_last: bool
    skip_stale: bool = False


@click.command(epilog="Example: lpse-ops backup forget --keep-daily 14 --keep-weekly 8 --dry-run")
@click.argument("snapshots", nargs=-1, metavar="[SNAPSHOT]...")
@keep_options
@click.option(
    "--group-by",
    default="host,paths",
    show_default=True,
    metavar="host,paths,tags",
    help="Apply the policy to each of these by itself; '' is all in one.",
)
@filter_options
@click.option("--even-if-stale", is_flag=True, help="Also if the newest snapshot is old.")
@click.option(
    "--skip-stale", is_flag=True, help="Leave a series alone whose newest snapshot is old."
)
@click.option(
    "--even-if-last", is_flag=True, help="Also the last complete one, if it is named as SNAPSHOT."
)
@click.option("--calendar", is_flag=True, help="Show days, marked with what is kept and what goes.")
@click.option("--dry-run", "-n", is_flag=True, help="Remove nothing, show what would go.")
@click.option("--prune", "with_prune", is_flag=True, help="If snapshots went, prune as well.")
@prune_options
@no_lock_option
@retry_lock_option
@format_option
@output_option
@repository_options
@click.pass_obj
def command(
    app: App,
    /,
    snapshots: tuple[str, ...],
    keep: KeepPolicy | None,
    group_by: str,
    only: Only,
    even_if_stale: bool,
    skip_stale: bool,
    even_if_last: bool,
    calendar: bool,
    dry_run: bool,
    with_prune: bool,
    pruning: PruneOptions,
    no_lock: bool,
    retry_lock: timedelta,
    output_format: str,
    output: Path | None,
) -> int:
    """Remove the snapshots that no --keep-* keeps (without one: backup.keep in lpse-ops.yml).

    With SNAPSHOT (the first digits of an id, or 'latest'), just those are removed. No policy
    removes a milestone (lpse-ops backup tag --keep-forever) or the last complete snapshot.
    """
    if no_lock and not dry_run:
        raise UsageError("--no-lock goes with --dry-run only", hint="leave --no-lock out")
    asked = _Asked(
        snapshots,
        keep,
        _group_by(group_by),
        only,
        even_if_stale=even_if_stale,
        even_if_last=even_if_last,
        skip_stale=skip_stale,
    )
    _refuse_mixture(asked)
    policy = _choose_policy(app, asked)
    with locked(app, exclusive=True, no_lock=no_lock, retry_lock=retry_lock) as repository:
        plan = _plan(app, repository, asked, policy)
        if not dry_run:
            carry_out(repository, plan)
            # At once: what was removed stays so, whatever becomes of the prune.
            record_of_chosen(app, "forget", {"removed": len(plan.removed), "status": "ok"})
        report = None
        if with_prune and plan.removed:
            report = _prune(app, repository, plan, replace(pruning, dry_run=dry_run))
    if report is not None and not dry_run:
        status = "failed" if report.not_removed else "ok"
        record_of_chosen(app, "prune", {"removed": report.packs_removed, "status": status})
    emit(
        "backup/forget",
        forget_fields(plan, policy, report, dry_run=dry_run),
        text=lambda: render_forget(
            plan, report, zone=_zone(app), calendar=calendar, dry_run=dry_run
        ),
        output_format=output_format,
        output=output,
    )
    return _NOT_ALL_REMOVED if report and report.not_removed else 0


def _choose_policy(app: App, asked: _Asked) -> KeepPolicy:
    """The flags, or else the settings; none where snapshots are named."""
    if asked.keep is not None:
        return asked.keep
    settings = app.settings_if_any
    return settings.backup.keep if settings and not asked.named else KeepPolicy()


def _zone(app: App) -> tzinfo | None:
    settings = app.settings_if_any
    return settings.site.time_zone if settings else None


def _group_by(text: str) -> GroupBy:
    try:
        return parse_group_by(text)
    except ValueError as error:
        raise UsageError(
            f"--group-by: {error}", hint="write --group-by host,paths, or '' for one group"
        ) from error


def _refuse_mixture(asked: _Asked) -> None:
    """Who names snapshots and gives a policy may expect the one or the other."""
    if asked.named and asked.keep is not None:
        raise UsageError(
            "snapshots are named and --keep-* is given",
            hint="name the snapshots to remove, or give a policy, not both",
        )
    if asked.named and "latest" not in asked.named and asked.only != Only(None, (), ()):
        raise UsageError(
            "--host, --tag and --path choose nothing where snapshots are named",
            hint="leave them out; they go with a policy, or with 'latest'",
        )
    if asked.skip_stale and (asked.named or asked.even_if_stale):
        raise UsageError(
            "--skip-stale goes with a policy, and without --even-if-stale", hint="leave it out"
        )
    if asked.even_if_last and not asked.named:
        raise UsageError(
            "--even-if-last goes with named snapshots: a policy never removes the last one",
            hint="lpse-ops backup snapshots lists them; name those to remove",
        )


def _plan(app: App, repository: Repository, asked: _Asked, policy: KeepPolicy) -> ForgetPlan:
    # One that cannot be read stops everything: it might be the good one.
    everything = repository.snapshots()
    completeness = Completeness(repository)
    if asked.named:
        named = {
            each.id: each for each in (asked.only.choose(everything, one) for one in asked.named)
        }
        return plan_by_name(
            everything,
            list(named.values()),
            asked.by,
            is_complete=completeness.is_complete,
            may_be_complete=completeness.may_be_complete,
            even_if_last=asked.even_if_last,
        )
    return plan_by_policy(
        everything,
        asked.only.all(everything),
        policy,
        asked.by,
        now=app.clock.now(),
        is_complete=completeness.is_complete,
        may_be_complete=completeness.may_be_complete,
        even_if_stale=asked.even_if_stale,
        skip_stale=asked.skip_stale,
    )


def _prune(
    app: App, repository: Repository, plan: ForgetPlan, options: PruneOptions
) -> PruneReport:
    if not options.dry_run:
        # Said now: a prune that fails must not leave the question open.
        app.console.print(f"{len(plan.removed)} snapshots removed")
    gone = frozenset(each.id for each in plan.removed)
    with app.console.progress_bar("pruning") as bar:
        return prune(repository, replace(options, ignore=gone), PruneBar(bar), now=app.clock.now())

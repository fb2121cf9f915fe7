"""What ``backup forget`` answers.

The JSON answer: ``dry_run``; ``policy``, the rules that were applied (none where snapshots were
named); ``groups``, each with ``host``, ``paths``, ``tags`` (empty where not grouped by), ``keep``
(snapshots with ``reasons``, in restic's words, and ``keep_forever``, null or why) and ``remove``,
both newest first; ``removed``, the ids that went, or would; ``prune``, its report or null.
"""

from datetime import tzinfo
from typing import Any

from lpse_ops.backup.forget import ForgetPlan, GroupPlan, describe
from lpse_ops.backup.milestone import KEEP_FOREVER, milestone_reason
from lpse_ops.backup.prune import PruneReport
from lpse_ops.backup.retention import KeepPolicy, Verdict
from lpse_ops.cli.backup_options import snapshot_fields
from lpse_ops.cli.keep_options import policy_fields
from lpse_ops.cli.output import render_table
from lpse_ops.cli.prune_options import prune_json, render_prune
from lpse_ops.cli.snapshot_calendar import render_calendar


def forget_fields(
    plan: ForgetPlan, keep: KeepPolicy, report: PruneReport | None, *, dry_run: bool
) -> dict[str, Any]:
    """What was planned, and done unless ``dry_run``, for JSON."""
    return {
        "dry_run": dry_run,
        "policy": policy_fields(keep),
        "groups": [_group_fields(group) for group in plan.groups],
        "removed": [each.id for each in plan.removed],
        "prune": prune_json(report) if report else None,
    }


def _group_fields(plan: GroupPlan) -> dict[str, Any]:
    return {
        "host": plan.group.host,
        "paths": list(plan.group.paths),
        "tags": list(plan.group.tags),
        "keep": [_verdict_fields(each) for each in plan.verdicts if each.is_kept],
        "remove": [snapshot_fields(each) for each in plan.removed],
    }


def _verdict_fields(verdict: Verdict) -> dict[str, Any]:
    return {
        **snapshot_fields(verdict.snapshot),
        "reasons": list(verdict.reasons),
        "keep_forever": milestone_reason(verdict.snapshot),
    }


def render_forget(
    plan: ForgetPlan,
    report: PruneReport | None,
    *,
    zone: tzinfo | None,
    calendar: bool,
    dry_run: bool,
) -> str:
    """The same for people; ``zone`` is the calendar's, or None for what is written in snapshots."""
    parts = []
    for group in plan.groups:
        parts.append(f"{describe(group.group)}\n\n{_render_table(group)}")
        if calendar:
            parts.append(render_calendar(group.verdicts, zone))
    kept = sum(len(group.kept) for group in plan.groups)
    would = "would be " if dry_run else ""
    parts.append(f"{kept} snapshots {would}kept, {len(plan.removed)} {would}removed\n")
    if report:
        parts.append(render_prune(report))
    return "\n".join(parts)


def _render_table(plan: GroupPlan) -> str:
    rows = [
        (
            each.snapshot.short_id,
            f"{each.snapshot.time:%Y-%m-%d %H:%M:%S %z}",
            "keep" if each.is_kept else "remove",
            _why(each),
        )
        for each in plan.verdicts
    ]
    return render_table(("ID", "Time", "Verdict", "Why"), rows)


def _why(verdict: Verdict) -> str:
    forever = milestone_reason(verdict.snapshot)
    noted = [f"{KEEP_FOREVER}: {forever}"] if forever else []
    return ", ".join([*verdict.reasons, *noted])

"""Make a backup while nobody writes, and have it verified."""

import json
import re
from typing import Any, Optional

from spse_steps.commands import Finished
from spse_steps.context import Context, Step, nothing_to_undo
from spse_steps.decision import IS_ABSENT
from spse_steps.errors import StepFailed
from spse_steps.plan import Command, Plan

NAME = "backup"
_ID = re.compile(r"[0-9a-f]{8,64}")
# As restic ends; lpse-ops tells it in JSON.
_SAVED = re.compile(r"^snapshot ([0-9a-f]{8,64}) saved\b", re.MULTILINE)


def _describe(plan: Plan) -> str:
    backup = plan.backup
    if backup.run is None or backup.verify is None:
        return f"no backup, because: {backup.accepted_risk}"
    return f"back up: {_words(backup.run)}, then verify: {_words(backup.verify)}"


def _words(command: Command) -> str:
    return " ".join(command.argv)


def _run(context: Context) -> None:
    backup = context.plan.backup
    if backup.run is None or backup.verify is None:
        context.tell(f"no backup was made: {backup.accepted_risk}")
        context.save_notes({"accepted_risk": backup.accepted_risk})
        return
    made = context.run(backup.run, context.plan.old)
    snapshot = find_snapshot(made.stdout)
    if snapshot is None:
        raise StepFailed(
            "the backup does not say which snapshot it made",
            hint="backup.run in the plan: lpse-ops backup run --format json",
        )
    context.save_notes({"snapshot": snapshot})
    verified: Finished = context.run(backup.verify, context.plan.old, snapshot)
    context.save_notes({"snapshot": snapshot, "verified": verified.rc == 0})


def find_snapshot(text: str) -> Optional[str]:
    """The id of the snapshot in what a backup printed, as JSON or in restic's words."""
    try:
        value: Any = json.loads(text)
    except (ValueError, RecursionError):
        saved = _SAVED.search(text)
        return saved.group(1) if saved else None
    for key in ("snapshot", "snapshot_id", "id"):
        value_there = value.get(key) if isinstance(value, dict) else None
        if isinstance(value_there, dict):
            value_there = value_there.get("id")
        if isinstance(value_there, str) and _ID.fullmatch(value_there):
            return value_there
    return None


def _probe(_context: Context) -> str:
    # What was cut off is made anew: a second snapshot costs next to nothing.
    return IS_ABSENT


STEP = Step(NAME, _describe, _run, _probe, nothing_to_undo)

"""What the step runner did, as a run of the change register.

``state.json`` of one upgrade may be recorded more than once, as it goes on: cut off, then done,
then rolled back a day later.  Each of these is a run of its own, and the same is always the same.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Literal

from lpse_ops.spse.change import Downtime, Package, Run, RunResult, Step, StepStatus
from lpse_ops.spse.upgradestate import StepRecord, UpgradeState

UpgradeKind = Literal["upgrade", "rollback"]
_BACKUP, _PROOF, _STOP, _PAGE, _OPEN = "backup", "prove", "stop", "maintenance", "let-in"
_TAKEN_BACK = "--- taken back:"


def find_kind(state: UpgradeState) -> UpgradeKind:
    """A rollback is what somebody asked for; an upgrade that failed takes itself back."""
    is_asked = bool(state.calls) and state.calls[-1].command == "rollback"
    return "rollback" if is_asked and state.direction == "back" else "upgrade"


def run_of_upgrade(
    state: UpgradeState,
    *,
    kind: UpgradeKind,
    server: str,
    reason: str,
    performed_by: Sequence[str] = (),
    package: Package | None = None,
    repository: str = "",
) -> Run:
    """The run that a state tells of; ``package`` is what its new release was made of."""
    caller = state.calls[-1].by if state.calls else ""
    backup = state.find(_BACKUP)
    # Going back afterwards makes no backup.
    snapshot = backup.notes.get("snapshot") if backup and kind == "upgrade" else None
    is_saved = isinstance(snapshot, str)
    return Run(
        kind=kind,
        server=server,
        started=_started(state, kind),
        ended=state.ended or _last_moment(state),
        result=_result(state, kind),
        reason=reason,
        performed_by=tuple(performed_by) or ((caller,) if caller else ()),
        account=f"{caller}@{server}" if caller else server,
        package=package,
        from_version=(state.old if kind == "upgrade" else state.new).version,
        plan=tuple(each.name for each in state.steps) if kind == "upgrade" else (),
        backup_snapshot=str(snapshot) if is_saved else "",
        backup_repository=repository if is_saved else "",
        accepted_risk=state.accepted_risk,
        steps=tuple(_steps(state, kind)),
        tests=tuple(_tests(state)),
        downtime=find_downtime(state, kind),
        problem=_problem(state, kind),
        stamp=state.stamp,
    )


def _result(state: UpgradeState, kind: UpgradeKind) -> RunResult:
    if state.outcome is None:
        return "interrupted"
    if state.outcome == "stuck":
        return "failed"
    if kind == "rollback":
        # It did what it was asked for.
        return "done"
    return "rolled-back" if state.outcome == "rolled-back" else "done"


def _started(state: UpgradeState, kind: UpgradeKind) -> datetime:
    asked = [each.at for each in state.calls if each.command == "rollback"]
    return asked[0] if kind == "rollback" and asked else state.begun


def _moments(state: UpgradeState) -> list[datetime]:
    found = [state.begun, *(each.at for each in state.calls)]
    for step in state.steps:
        times = (step.begun, step.ended, step.undo_begun, step.undo_ended)
        found += [each for each in times if each is not None]
    return found


def _last_moment(state: UpgradeState) -> datetime:
    """Of what was cut off, the last that is known: it does not depend on when it is recorded."""
    return max(_moments(state))


def _problem(state: UpgradeState, kind: UpgradeKind) -> str:
    parts = []
    if state.outcome != "done" and not (kind == "rollback" and state.outcome == "rolled-back"):
        parts.append(state.reason)
    parts += [f"warning: {each}" for each in state.warnings]
    return "; ".join(filter(None, parts))


# --- steps ------------------------------------------------------------------------------------


def _steps(state: UpgradeState, kind: UpgradeKind) -> list[Step]:
    if kind == "rollback":
        return [_step_back(each) for each in reversed(state.steps) if each.undo_begun is not None]
    return [_step_forward(each, state) for each in state.steps]


def _step_forward(step: StepRecord, state: UpgradeState) -> Step:
    output = step.output
    if step.undo_begun is not None:
        output = "\n".join(filter(None, (output, _TAKEN_BACK, step.undo_output)))
    ended = step.undo_ended if step.undo_begun is not None else step.ended
    return Step(step.name, _status(step, state), step.begun, ended, step.exit_status, output)


def _status(step: StepRecord, state: UpgradeState) -> StepStatus:
    # What turned it back stays the one that failed, though it was taken back itself.
    if state.reason.startswith(f"{step.name}: ") and state.outcome != "done":
        return "failed"
    if step.status == "pending":
        return "skipped"
    if step.status == "done":
        return "ok"
    return "undone" if step.status == "undone" else "failed"


def _step_back(step: StepRecord) -> Step:
    status: StepStatus = "ok" if step.status == "undone" else "failed"
    return Step(step.name, status, step.undo_begun, step.undo_ended, None, step.undo_output)


# --- what users noticed -----------------------------------------------------------------------


def find_downtime(state: UpgradeState, kind: UpgradeKind) -> Downtime | None:
    """From when users got no answer until they were let in, by whichever release.

    The page comes a moment before the stop, and unlike that is not done again after a power cut.
    """
    stop, opened, page = (state.find(name) for name in (_STOP, _OPEN, _PAGE))
    if kind == "rollback" and opened is not None and opened.undo_begun is not None:
        began = [opened.undo_begun]
    else:
        times = (page.ended if page else None, stop.begun if stop else None)
        began = [each for each in times if each is not None]
    if not began:
        return None
    ended = None
    if state.direction == "back":
        ended = page.undo_ended if page else None
    elif opened is not None and opened.status == "done":
        ended = opened.ended
    return Downtime(min(began), ended if ended is None or ended >= min(began) else None)


def _tests(state: UpgradeState) -> list[str]:
    """The checks that counted: those of the release that users got in the end."""
    name, release = (_STOP, state.old) if state.direction == "back" else (_PROOF, state.new)
    step = state.find(name)
    checks = step.notes.get("checks") if step else None
    lines = []
    for each in checks if isinstance(checks, list) else []:
        if isinstance(each, dict):
            verdict = "OK" if each.get("ok") is True else "FAILED"
            texts = [each.get(key) for key in ("name", "detail")]
            words = ": ".join(text for text in texts if isinstance(text, str))
            lines.append(f"SPSE {release.version}: {verdict} {words}")
    return lines

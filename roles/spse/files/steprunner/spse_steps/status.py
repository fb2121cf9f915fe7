"""Where an upgrade stands, and what is safe to type now: decided by its state, and rendered."""

from typing import Any, Dict, List, NamedTuple, Optional

from spse_steps import errors
from spse_steps import state as states
from spse_steps.decision import choose_next, is_open_again
from spse_steps.lock import Holder
from spse_steps.state import BACK, Record, State
from spse_steps.steps.catalog import WAY_OUT


class Status(NamedTuple):
    """``phase``: none, running, stopped, stuck, done or rolled-back; ``step``: where it stands."""

    phase: str
    step: Optional[str]
    advice: List[str]

    @property
    def code(self) -> int:
        return _CODES[self.phase]


_CODES = {
    "none": errors.DONE,
    "done": errors.DONE,
    "rolled-back": errors.ROLLED_BACK,
    "running": errors.LOCKED,
    "stopped": errors.STUCK,
    "stuck": errors.STUCK,
}


def judge(state: Optional[State], holder: Optional[Holder]) -> Status:
    """What there is to say of the last upgrade."""
    if state is None:
        return Status("none", None, ["nothing was ever upgraded by this runner"])
    step = choose_next(state).step
    if holder is not None:
        return Status("running", step, [f"wait: process {holder.pid} is at work"])
    if state.outcome == states.FINISHED:
        lost = "rollback --accept-lost-writes REASON: back to the old release, but without what"
        return Status("done", None, [f"{lost} users wrote since {state.ended}"])
    if state.outcome == states.ROLLED_BACK:
        return Status("rolled-back", None, ["run, with a new plan under another id"])
    if state.direction == BACK:
        again = "rollback: go on taking it back; the database that was there is kept"
        phase = "stuck" if state.outcome == states.STUCK else "stopped"
        first = [f"first: {state.reason}"] if phase == "stuck" else []
        return Status(phase, step, [*first, again])
    if state.outcome == states.STUCK:
        return Status("stuck", step, [f"first: {state.reason}", *_advise_forward(state)])
    return Status("stopped", step, _advise_forward(state))


def _advise_forward(state: State) -> List[str]:
    resume = "resume: go on with the upgrade"
    if is_open_again(state, WAY_OUT):
        lost = "rollback --accept-lost-writes REASON: users may have been let in already"
        return [resume, lost]
    return [resume, "rollback: back to the old release; nobody was let in yet, nothing is lost"]


def measure_progress(state: State, step: Optional[str]) -> Dict[str, Any]:
    """The step that is at work, or comes next; since when; and the steps behind and ahead of it.

    On the way back the steps that were done are what is ahead.
    """
    is_back = state.direction == BACK
    behind, ahead = (states.UNDONE, states.DONE) if is_back else (states.DONE, states.PENDING)
    order = tuple(reversed(state.records)) if is_back else state.records
    waits = (ahead, states.BEGUN, states.FAILED, states.UNDOING)
    here = [record for record in order if record.name == step]
    since = (here[0].undo_begun if is_back else here[0].begun) if here else None
    return {
        "step": step,
        "since": since,
        "ended": [record.name for record in order if record.status == behind],
        "left": [r.name for r in order if r.status in waits and r.name != step],
    }


def render_text(state: Optional[State], status: Status) -> str:
    if state is None:
        return status.advice[0]
    old, new = state.plan["from"]["version"], state.plan["to"]["version"]
    lines = [f"upgrade {state.plan['id']} from {old} to {new}: {status.phase}"]
    if state.reason:
        lines.append(f"reason: {state.reason}")
    lines += [_render_record(record, record.name == status.step) for record in state.records]
    lines += [f"warning: {warning}" for warning in state.warnings]
    return "\n".join([*lines, "what to type:", *(f"  {line}" for line in status.advice)])


def _render_record(record: Record, is_here: bool) -> str:
    mark = ">" if is_here else " "
    times = [time for time in (record.begun, record.ended or record.undo_begun) if time]
    return f"{mark} {record.name:<15} {record.status:<8} {' - '.join(times)}".rstrip()


def render_json(state: Optional[State], status: Status) -> Dict[str, Any]:
    """Everything but the plan, which may be long."""
    answer: Dict[str, Any] = {
        "phase": status.phase,
        "step": status.step,
        "advice": status.advice,
    }
    if state is not None:
        fields = dict(state._asdict())
        answer["progress"] = measure_progress(state, status.step)
        answer["steps"] = [dict(record._asdict()) for record in fields.pop("records")]
        plan = fields.pop("plan")
        answer.update(fields, id=plan["id"], old=plan["from"], new=plan["to"])
    return answer

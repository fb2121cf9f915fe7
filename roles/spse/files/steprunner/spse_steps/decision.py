"""What comes next, by the state alone."""

from typing import NamedTuple, Optional, Sequence

from spse_steps.state import BACK, BEGUN, DONE, FAILED, PENDING, UNDOING, State

RUN, LOOK, UNDO, FINISH = "run", "look", "undo", "finish"
# Answers of a step's probe.
IS_DONE, IS_ABSENT, IS_PARTIAL = "done", "absent", "partial"


class Next(NamedTuple):
    """``step`` is None when nothing is left: then the upgrade, or its rollback, is finished."""

    action: str
    step: Optional[str] = None


def choose_next(state: State) -> Next:
    """Run the first step that is not done or, on the way back, undo the last that is not undone.

    A step that was begun and of which nobody knows the end is first looked at.
    """
    if state.direction == BACK:
        return _choose_undo(state)
    for record in state.records:
        if record.status in (BEGUN, FAILED):
            return Next(LOOK, record.name)
        if record.status == PENDING:
            return Next(RUN, record.name)
        if record.status == UNDOING:
            # A half-done migration is being taken back, to be run again.
            return Next(UNDO, record.name)
    return Next(FINISH)


def _choose_undo(state: State) -> Next:
    for record in reversed(state.records):
        if record.status in (BEGUN, DONE, FAILED, UNDOING):
            return Next(UNDO, record.name)
    return Next(FINISH)


def choose_after_look(found: str, *, is_repeatable: bool) -> str:
    """What to do with a step that was begun: DONE marks it so, else RUN or UNDO.

    What cannot simply be run again is taken back first, unless it had not really begun.
    """
    if found == IS_DONE:
        return DONE
    return RUN if is_repeatable or found == IS_ABSENT else UNDO


def is_open_again(state: State, name: str) -> bool:
    """Whether users may have been let in: from then on, going back loses what they wrote.

    ``name`` is the step that lets them in.
    """
    return state.record(name).status not in (PENDING,)


def reset_from(state: State, names: Sequence[str]) -> State:
    """The state in which these steps are to be run again."""
    for name in names:
        record = state.record(name)
        state = state.with_record(record._replace(status=PENDING, notes={}))
    return state

"""What a reboot took back: processes do not outlive it, and a boot may start the application."""

from typing import Iterable, Set

from spse_steps.decision import reset_from
from spse_steps.state import BACK, BEGUN, DONE, PENDING, UNDOING, UNDONE, State
from spse_steps.steps import backup, migrate, prove, rollback_point, start, stop

# The steps whose effect is a process that runs, or does not.
TRANSIENT = (stop.NAME, start.NAME)


def recheck(state: State, lost: Iterable[str]) -> State:
    """The state in which the steps whose effect is ``lost`` are to be done again."""
    names: Set[str] = set(lost)
    if state.direction == BACK:
        is_lost = stop.NAME in names and state.record(stop.NAME).status == UNDONE
        return _mark(state, stop.NAME, UNDOING) if is_lost else state
    if start.NAME in names and state.record(start.NAME).status == DONE:
        return reset_from(state, [start.NAME, prove.NAME])
    started = state.record(start.NAME).status
    if stop.NAME in names and state.record(stop.NAME).status == DONE and started == PENDING:
        return _stop_again(state)
    return state


def _stop_again(state: State) -> State:
    """It ran again after it had been stopped: what was saved since then may lack what it wrote."""
    state = reset_from(state, [stop.NAME])
    if state.record(migrate.NAME).status != PENDING:
        return state
    state = reset_from(state, [backup.NAME])
    if state.record(rollback_point.NAME).status in (BEGUN, DONE):
        # To be taken back, and then made again.
        return _mark(state, rollback_point.NAME, UNDOING)
    return state


def _mark(state: State, name: str, status: str) -> State:
    return state.with_record(state.record(name)._replace(status=status))

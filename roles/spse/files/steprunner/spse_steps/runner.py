"""Goes from step to step: what was begun is on the disk before it begins, and what was done after.

A step that fails turns the upgrade back; a step that cannot be taken back leaves it stuck, and
says so.  Whatever happens in between, the same call goes on from the state.
"""

import time
import traceback
from typing import Any, Callable, Dict, List, Optional

from spse_steps import decision
from spse_steps import state as states
from spse_steps.context import Context, Step
from spse_steps.durable import Trace, ignore
from spse_steps.errors import DONE, ROLLED_BACK, STUCK, StepsError
from spse_steps.journal import Journal
from spse_steps.masking import Mask, shorten
from spse_steps.plan import Plan
from spse_steps.recheck import TRANSIENT, recheck
from spse_steps.state import BACK, FORWARD, Record
from spse_steps.steps.catalog import BY_NAME, WAY_OUT


class Runner:
    """One upgrade.  ``now`` gives the time in UTC as text; ``say`` shows a line."""

    def __init__(
        self,
        journal: Journal,
        plan: Plan,
        *,
        mask: Mask,
        now: Callable[[], str],
        say: Callable[[str], None],
        trace: Trace = ignore,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._journal = journal
        self._plan = plan
        self._mask = mask
        self._now = now
        self._say = say
        self._trace = trace
        self._clock = clock
        self._sleep = sleep
        self._told: List[str] = []
        self._rc: Optional[int] = None

    def go(self) -> int:
        """Go on until nothing is left to do; the exit status."""
        self._recheck()
        while True:
            following = decision.choose_next(self._journal.state)
            if following.step is None:
                return self._finish()
            step = BY_NAME[following.step]
            if not self._act(following.action, step):
                return STUCK
            self._trace(f"after {step.name}")

    def turn_back(self, reason: str) -> None:
        """From now on undo instead of do."""
        self._journal.save(
            self._journal.state._replace(direction=BACK, outcome=None, reason=reason, ended=None)
        )

    def _act(self, action: str, step: Step) -> bool:
        """Do what comes next; False when it cannot go on in either direction."""
        if action == decision.RUN:
            return self._run(step)
        if action == decision.LOOK:
            return self._look(step)
        return self._undo(step)

    def _recheck(self) -> None:
        lost = [name for name in TRANSIENT if self._is_lost(BY_NAME[name])]
        state = recheck(self._journal.state, lost)
        if state != self._journal.state:
            self._say("the application is not as it was left: that is done again")
            self._journal.save(state)

    def _is_lost(self, step: Step) -> bool:
        status = self._journal.state.record(step.name).status
        context = self._context(step)
        if status == states.DONE:
            return step.probe(context) != decision.IS_DONE
        return (
            status == states.UNDONE and step.is_undone is not None and not step.is_undone(context)
        )

    def _run(self, step: Step) -> bool:
        record = self._record(step)
        self._say(f"{step.name}: {step.describe(self._plan)}")
        self._save(
            record._replace(
                status=states.BEGUN,
                tries=record.tries + 1,
                begun=self._now(),
                ended=None,
                rc=None,
                output="",
            )
        )
        self._trace(f"{step.name}: begun")
        try:
            step.run(self._context(step))
        except Exception as error:
            return self._fail(step, error)
        self._trace(f"{step.name}: ran")
        self._save(self._ended(step, states.DONE))
        return True

    def _fail(self, step: Step, error: Exception) -> bool:
        """Turn back, unless users are in; False when only somebody who answers for it can."""
        reason = self._explain(error)
        is_through = step.is_way_out and self._probe_quietly(step) == decision.IS_DONE
        if step.is_after or is_through:
            # Users are in: what they write is worth more than a tidy end.
            self._say(f"{step.name}: warning: {reason}")
            state = self._journal.state.with_record(self._ended(step, states.DONE))
            self._journal.save(state._replace(warnings=(*state.warnings, reason)))
            return True
        self._say(f"{step.name}: failed: {reason}")
        state = self._journal.state.with_record(self._ended(step, states.FAILED))
        state = state._replace(reason=f"{step.name}: {reason}")
        if not step.is_way_out and decision.is_open_again(state, WAY_OUT):
            self._say(
                "users were let in: not going back by itself, they would lose what they wrote"
            )
            self._journal.save(state._replace(outcome=states.STUCK))
            return False
        self._say("going back to the old release")
        self._journal.save(state._replace(direction=BACK))
        return True

    def _look(self, step: Step) -> bool:
        """Find out what became of a step that was cut off."""
        context = self._context(step)
        try:
            self._end_leftovers(step, context)
            found = step.probe(context)
        except Exception as error:
            return self._fail(step, error)
        then = decision.choose_after_look(found, is_repeatable=step.is_repeatable)
        self._say(f"{step.name}: it was cut off; {found}, so {_THEN[then]}")
        if then == states.DONE:
            self._save(self._ended(step, states.DONE))
        elif then == decision.RUN:
            self._save(self._record(step)._replace(status=states.PENDING))
        else:
            self._save(self._record(step)._replace(status=states.UNDOING, undo_begun=self._now()))
        return True

    def _end_leftovers(self, step: Step, context: Context) -> None:
        """What a killed runner started may still be at work."""
        if not step.keeps_running:
            context.end_leftovers()

    def _undo(self, step: Step) -> bool:
        """Take a step back; False when that cannot be done now."""
        self._say(f"{step.name}: take it back")
        record = self._record(step)._replace(status=states.UNDOING, undo_begun=self._now())
        self._save(record)
        self._trace(f"{step.name}: undo begun")
        try:
            context = self._context(step)
            self._end_leftovers(step, context)
            step.undo(context)
        except Exception as error:
            reason = self._explain(error)
            self._say(f"{step.name}: cannot be taken back: {reason}")
            state = self._journal.state.with_record(self._undone(step, states.UNDOING))
            self._journal.save(
                state._replace(
                    direction=BACK,
                    outcome=states.STUCK,
                    reason=f"{step.name} cannot be taken back: {reason}",
                )
            )
            return False
        self._trace(f"{step.name}: undone")
        state = self._journal.state
        state = state.with_record(self._undone(step, states.UNDONE))
        if state.direction == FORWARD:
            state = decision.reset_from(state, step.resets)
        self._journal.save(state)
        return True

    def _finish(self) -> int:
        state = self._journal.state
        is_back = state.direction == BACK
        outcome = states.ROLLED_BACK if is_back else states.FINISHED
        if state.outcome != outcome:
            reason = state.reason if is_back else ""
            self._journal.save(state._replace(outcome=outcome, ended=self._now(), reason=reason))
        self._trace("finished")
        return ROLLED_BACK if is_back else DONE

    def _context(self, step: Step) -> Context:
        self._told, self._rc = [], None

        def save_notes(notes: Dict[str, Any]) -> None:
            record = self._record(step)
            self._save(record._replace(notes={**record.notes, **notes}))

        def tell_rc(rc: int) -> None:
            self._rc = rc

        return Context(
            self._plan,
            self._journal.folder,
            step.name,
            lambda: self._journal.state,
            save_notes,
            self._told.append,
            tell_rc,
            self._trace,
            self._clock,
            self._sleep,
        )

    def _probe_quietly(self, step: Step) -> Optional[str]:
        told, rc = self._told, self._rc
        try:
            return step.probe(self._context(step))
        except Exception:
            return None
        finally:
            self._told, self._rc = told, rc

    def _explain(self, error: Exception) -> str:
        if isinstance(error, StepsError):
            return shorten(self._mask(f"{error.message} ({error.hint})"))
        self._told.append(traceback.format_exc())
        return shorten(self._mask(f"{type(error).__name__}: {error}"))

    def _ended(self, step: Step, status: str) -> Record:
        return self._record(step)._replace(
            status=status, ended=self._now(), rc=self._rc, output=self._output()
        )

    def _undone(self, step: Step, status: str) -> Record:
        return self._record(step)._replace(
            status=status, undo_ended=self._now(), undo_output=self._output()
        )

    def _output(self) -> str:
        return shorten(self._mask("\n".join(filter(None, self._told))))

    def _record(self, step: Step) -> Record:
        return self._journal.state.record(step.name)

    def _save(self, record: Record) -> None:
        self._journal.save(self._journal.state.with_record(record))


_THEN = {
    states.DONE: "it counts as done",
    decision.RUN: "it is run again",
    decision.UNDO: "it is taken back first",
}

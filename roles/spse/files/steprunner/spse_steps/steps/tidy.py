"""Drop the rollback points of earlier upgrades, but the newest."""

from spse_steps.context import Context, Step, nothing_to_undo
from spse_steps.decision import IS_ABSENT
from spse_steps.plan import Plan


def _describe(plan: Plan) -> str:
    return f"keep the newest {plan.database.keep} rollback points of {plan.database.name}"


def _run(context: Context) -> None:
    dropped = context.rollback_point().drop_old()
    context.tell(f"dropped: {', '.join(dropped) or 'none'}")


def _probe(_context: Context) -> str:
    return IS_ABSENT


STEP = Step("tidy", _describe, _run, _probe, nothing_to_undo, is_after=True)

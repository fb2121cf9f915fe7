"""Take the maintenance page away: from here on going back would lose what users write."""

from spse_steps.context import Context, Step
from spse_steps.decision import IS_ABSENT, IS_DONE
from spse_steps.plan import Plan
from spse_steps.steps import maintenance

NAME = "let-in"


def _describe(plan: Plan) -> str:
    return f"let users in: remove {plan.flag}"


def _probe(context: Context) -> str:
    return IS_ABSENT if maintenance.is_shown(context) else IS_DONE


STEP = Step(NAME, _describe, maintenance.hide, _probe, maintenance.show, is_way_out=True)

"""Prove that the new release is well before anybody is let in."""

from spse_steps import health
from spse_steps.context import Context, Step, nothing_to_undo
from spse_steps.decision import IS_ABSENT
from spse_steps.plan import Plan
from spse_steps.steps import start

NAME = "prove"


def _describe(plan: Plan) -> str:
    names = ", ".join(page.name for page in plan.health.pages)
    wanted = f"port {plan.application.port}, pages ({names}), log, memory, database writable"
    return f"prove within {plan.health.seconds} s: {wanted}"


def _run(context: Context) -> None:
    health.prove(context, context.plan.new, context.note_of(start.NAME)["log_end"])


def _probe(_context: Context) -> str:
    return IS_ABSENT


STEP = Step(NAME, _describe, _run, _probe, nothing_to_undo)

"""Start the new release."""

from spse_steps import application
from spse_steps.context import Context, Step
from spse_steps.decision import IS_ABSENT, IS_DONE
from spse_steps.plan import Plan
from spse_steps.startuplog import mark_end

NAME = "start"


def _describe(plan: Plan) -> str:
    return f"start {plan.new.version}: {' '.join(plan.application.start.argv)}"


def _run(context: Context) -> None:
    plan = context.plan
    if application.is_running(plan, plan.new) and "log_end" in context.notes:
        context.tell(f"{plan.new.version} runs already")
        return
    context.end_leftovers()
    application.stop(context)
    context.save_notes({"log_end": mark_end(plan.new.folder, plan.new.log)})
    application.start(context, plan.new)


def _probe(context: Context) -> str:
    is_ours = "log_end" in context.notes and application.is_running(context.plan, context.plan.new)
    return IS_DONE if is_ours else IS_ABSENT


def _undo(context: Context) -> None:
    application.stop(context)
    context.end_leftovers()


STEP = Step(NAME, _describe, _run, _probe, _undo, keeps_running=True)

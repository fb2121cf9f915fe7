"""Stop the application; taken back, the old release is started and proved to answer."""

from spse_steps import application, health
from spse_steps.context import Context, Step
from spse_steps.decision import IS_ABSENT, IS_DONE
from spse_steps.plan import Plan
from spse_steps.startuplog import mark_end
from spse_steps.state import DONE

NAME = "stop"


def _describe(plan: Plan) -> str:
    command = " ".join(plan.application.stop.argv)
    return f"stop {plan.old.version}: {command}, wait at most {plan.application.stop_seconds} s"


def _run(context: Context) -> None:
    application.stop(context)


def _probe(context: Context) -> str:
    is_over = context.state().record(NAME).status == DONE
    if application.is_managed(context.plan) and not is_over:
        # It may be about to come up, after a boot: only the manager can tell, and is told.
        return IS_ABSENT
    return IS_ABSENT if application.find_running(context.plan).all else IS_DONE


def _undo(context: Context) -> None:
    plan = context.plan
    if not application.is_running(plan, plan.old) or "log_end" not in context.notes:
        context.end_leftovers()
        # A stop that was cut off may have left a process that no longer answers.
        application.stop(context)
        end = mark_end(plan.old.folder, plan.old.log)
        context.save_notes({"log_end": end})
        context.trace("old release: not started yet")
        application.start(context, plan.old)
        context.trace("old release: started")
    health.prove(context, plan.old, context.notes["log_end"])


def _is_undone(context: Context) -> bool:
    return application.is_running(context.plan, context.plan.old)


STEP = Step(NAME, _describe, _run, _probe, _undo, is_undone=_is_undone, keeps_running=True)

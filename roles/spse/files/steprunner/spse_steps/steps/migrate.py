"""Run the package's own migration; taken back, the database is the rollback point again."""

from spse_steps.context import Context, Step
from spse_steps.decision import IS_ABSENT, IS_DONE, IS_PARTIAL
from spse_steps.plan import Plan
from spse_steps.steps import rollback_point

NAME = "migrate"


def _describe(plan: Plan) -> str:
    command = " ".join(plan.application.migration.argv)
    return f"migrate {plan.database.name} to {plan.new.version}: {command}"


def _run(context: Context) -> None:
    # From here on nobody but the package knows how far it came.
    context.save_notes({"started": True})
    context.run(context.plan.application.migration, context.plan.new)
    context.save_notes({"ended": True})


def _probe(context: Context) -> str:
    if not context.notes.get("started"):
        return IS_ABSENT
    return IS_DONE if context.notes.get("ended") else IS_PARTIAL


def _undo(context: Context) -> None:
    if not context.notes.get("started"):
        return
    point = context.rollback_point()
    if "failed" not in context.notes:
        context.save_notes({"failed": point.choose_failed_name()})
    properties = context.note_of(rollback_point.NAME)["properties"]
    context.tell(point.return_to_it(properties, context.notes["failed"]))


STEP = Step(
    NAME,
    _describe,
    _run,
    _probe,
    _undo,
    is_repeatable=False,
    resets=(rollback_point.NAME, NAME),
)

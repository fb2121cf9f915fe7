"""Make the rollback point of the database, complete or not at all."""

from spse_steps.context import Context, Step
from spse_steps.decision import IS_ABSENT, IS_DONE
from spse_steps.plan import Plan
from spse_steps.rollbackpoint import choose_kind

NAME = "rollback-point"


def _describe(plan: Plan) -> str:
    server = plan.database
    room = f"if {server.reserve_bytes >> 20} MiB stay free beside it"
    kinds = {
        "clone": f"copy {server.name} inside the server",
        "dump": f"dump {server.name} to {server.dump_folder}",
        "auto": f"copy {server.name} inside the server {room}, else dump it",
    }
    return kinds[server.rollback_point]


def _run(context: Context) -> None:
    point = context.rollback_point()
    if "kind" not in context.notes:
        databases, server = context.databases(), context.plan.database
        properties = databases.properties()
        free = databases.free_bytes()
        size = int(properties["size_bytes"])
        kind = choose_kind(server.rollback_point, size, free, server.reserve_bytes)
        # Before anything changes: a later look would see what we changed.
        context.save_notes({"kind": kind, "properties": properties, "free_bytes": free})
    kind = context.notes["kind"]
    point.make(kind, context.notes["properties"])
    context.tell(f"the rollback point is {point.before if kind == 'clone' else point.dump}")


def _probe(context: Context) -> str:
    notes = context.notes
    if "kind" not in notes or context.rollback_point().kind_there() != notes["kind"]:
        return IS_ABSENT
    limit = max(int(notes["properties"]["columns"]["datconnlimit"]), -1)
    return IS_DONE if context.databases().is_open(limit) else IS_ABSENT


def _undo(context: Context) -> None:
    # Once the migration had begun, going back has used it up, or the dump is better kept.
    if not context.note_of("migrate").get("started"):
        context.rollback_point().remove(context.notes.get("properties"))


STEP = Step(NAME, _describe, _run, _probe, _undo, resets=(NAME,))

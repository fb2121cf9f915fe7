"""The plan of an upgrade for people: steps, what each is taken back by, room and settings."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from lpse_ops.cli import spse_proposal_text
from lpse_ops.cli.output import printable
from lpse_ops.cli.sizes import format_size

if TYPE_CHECKING:
    from lpse_ops.cli.spse_proposal import Proposed

# By the step runner's own words (roles/spse/files/README.md).
_TAKEN_BACK = {
    "maintenance": "the page goes away",
    "stop": "the old release is started, and proved to be well",
    "backup": "nothing to take back",
    "rollback-point": "it is dropped",
    "switch": "the link leads to the old release again",
    "files": "the new release gets back what it was packed with",
    "migrate": "the rollback point takes the place of the database",
    "start": "the new release is stopped",
    "prove": "nothing to take back",
    "let-in": "NOT without loss: from here on, going back loses what users write",
    "tidy": "cannot be taken back: old rollback points are gone",
}

_DOWNGRADE = (
    "DOWNGRADE: the new release is older than the one in use; its migration may not suit the",
    "          database of a newer SPSE.  Taking the last upgrade back, with its database, is",
    "          lpse-ops spse rollback",
)


def to_json(
    plan: Mapping[str, Any],
    steps: Sequence[Mapping[str, str]],
    proposed: "Proposed",
) -> dict[str, Any]:
    from lpse_ops.cli.spse_plan_room import measure_room

    room = measure_room(plan["database"])
    new = proposed.new
    return {
        "from": plan["from"],
        "to": plan["to"],
        "package": {"name": new.package_name or None, "sha256": new.package_sha256},
        "steps": [{**each, "taken_back_by": _TAKEN_BACK.get(each["name"])} for each in steps],
        "backup": not plan["backup"].get("accepted_risk"),
        "accepted_risk": plan["backup"].get("accepted_risk") or None,
        "release_bytes": sum(each.size_bytes for each in new.entries),
        "room": None if room is None else vars(room),
        "configuration": spse_proposal_text.to_json(proposed),
        "text": spse_proposal_text.render(proposed),
    }


def render_plan_text(answer: Mapping[str, Any]) -> str:
    if not answer["needed"]:
        return "nothing to do\n"
    old, new = answer["from"]["version"], answer["to"]["version"]
    package = answer["package"]
    lines = [
        f"upgrade {answer['id']}: SPSE {old} -> {new}",
        *(_DOWNGRADE if answer["downgrade"] else ()),
        f"package  {package['name'] or 'installed by hand'}, SHA-256 {package['sha256']}",
        f"size     {format_size(answer['release_bytes'])} "
        f"{'unpacked already' if answer['unpacked'] else 'when it is unpacked'}",
        *_room_lines(answer["room"]),
        *([] if answer["backup"] else [f"NO BACKUP  because: {answer['accepted_risk']}"]),
        "",
        "steps, in this order; a failure takes all of them back by itself until users are let in:",
    ]
    for number, step in enumerate(answer["steps"], 1):
        lines.append(f"{number:3}. {step['name']:<15} {step['what']}")
        lines.append(f"     {'':<15} back: {step['taken_back_by'] or 'see the step runner'}")
    lines += ["", *answer["text"].splitlines()]
    return "".join(f"{printable(line)}\n" for line in lines)


def _room_lines(room: Mapping[str, Any] | None) -> list[str]:
    if room is None:
        return ["database nobody answered: its size and the room for the way back are unknown"]
    size, needed, free = (format_size(room[key]) for key in ("database", "needed", "free"))
    way = {
        "clone": "a clone, from which going back takes seconds",
        "dump": "a dump, from which going back takes as long as pg_restore",
    }[room["kind"]]
    return [f"database {size}; rollback point: {way} (a clone takes {needed}, {free} are free)"]

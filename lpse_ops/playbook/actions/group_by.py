"""``group_by``: put the host into a group made from what is known of it."""

from collections.abc import Mapping
from typing import Any

from lpse_ops.playbook.actions.context import ActionContext, Result

ARGUMENTS: dict[str, dict[str, Any]] = {
    "key": {"type": "str", "required": True},
    "parents": {"type": "list", "elements": "str", "default": ["all"]},
}


def run(args: Mapping[str, Any], action: ActionContext) -> Result:
    """Spaces in names become hyphens, as in Ansible."""
    group = str(args["key"]).replace(" ", "-")
    written = args.get("parents", ["all"])
    parents = [written] if isinstance(written, str) else written
    parents = [str(each).replace(" ", "-") for each in parents]
    changed = action.inventory.group_by(action.host, group, parents=parents)
    return {"changed": changed, "add_group": group, "parent_groups": parents}

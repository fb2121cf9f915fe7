"""The ``raw`` module on a host that has an agent: a text for a shell and nothing around it."""

import os
from typing import Any, Dict

from lpse_ops.agent.commands import Finished, run_command, usable_folder, with_usable_locale
from lpse_ops.agent.context import Context

ARGUMENTS: Dict[str, Dict[str, Any]] = {
    "_raw_params": {"type": "str", "required": True},
    "executable": {"type": "str"},
}
FREE_FORM = "_raw_params"
CHECK_MODE = "full"


def run(args: Dict[str, Any], context: Context) -> Dict[str, Any]:
    """Run the text; nothing is stripped from its output."""
    if context.check_mode:
        return {"skipped": True}
    finished = run_command(
        args["_raw_params"],
        shell=True,
        executable=args["executable"],
        cwd=usable_folder(),
        environment=with_usable_locale(os.environ),
    )
    return report(finished)


def report(finished: Finished) -> Dict[str, Any]:
    """Ansible's keys for what ``raw`` and ``script`` ran."""
    result: Dict[str, Any] = finished._asdict()
    result["changed"] = True
    if finished.rc:
        result.update(failed=True, msg="non-zero return code")
    return dict(result)

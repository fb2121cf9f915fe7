"""One task by us, as the engine would run it: through the controller's part if there is one."""

import importlib
import importlib.util
from pathlib import Path
from typing import Any

from lpse_ops.playbook.actions.context import ActionFailed
from tests.playbook.actions.localaction import LocalAction


def run_task(
    module: str, args: dict[str, Any], folder: Path, *, check_mode: bool, diff_mode: bool
) -> dict[str, Any]:
    action = LocalAction(
        folder, check_mode=check_mode, diff_mode=diff_mode, variables={"playbook_dir": str(folder)}
    )
    name = f"lpse_ops.playbook.actions.{module}"
    if importlib.util.find_spec(name) is None:
        return action.run_module(module, args)
    try:
        return importlib.import_module(name).run(args, action)
    except ActionFailed as failed:
        return failed.result

"""``raw``: a command line and nothing around it; also for hosts that have no Python yet."""

import shlex
from collections.abc import Mapping
from typing import Any

from lpse_ops.agent.modules import raw as raw_module
from lpse_ops.playbook.actions.context import ActionContext, ActionFailed, Result
from lpse_ops.remote.become import BecomeRefused, WrongPassword
from lpse_ops.remote.transport import SessionRefused

ARGUMENTS = raw_module.ARGUMENTS
FREE_FORM = raw_module.FREE_FORM


def run(args: Mapping[str, Any], action: ActionContext) -> Result:
    """No agent is started; output is as it came."""
    if action.check_mode:
        return {"skipped": True}
    if not args.get("_raw_params"):
        raise ActionFailed("no command given")
    try:
        return _run(args, action)
    except WrongPassword:
        raise
    except (BecomeRefused, SessionRefused):
        # What only an agent can do, su for one, or the one session there may be (MaxSessions).
        return action.run_module("raw", args)


def _run(args: Mapping[str, Any], action: ActionContext) -> Result:
    command = str(args["_raw_params"])
    if args.get("executable"):
        command = f"{shlex.quote(str(args['executable']))} -c {shlex.quote(command)}"
    found = action.run_raw(command)
    result = {"rc": found.rc, "stdout": found.stdout, "stderr": found.stderr, "changed": True}
    if found.rc:
        raise ActionFailed("non-zero return code", **result)
    return result

"""The proof that the application is well: asked again and again until all is, or time is over."""

import os
from typing import Any, Dict, List

from spse_steps import checks, startuplog
from spse_steps.checks import Check
from spse_steps.commands import run_command
from spse_steps.context import Context
from spse_steps.errors import StepFailed
from spse_steps.plan import Plan, Release
from spse_steps.psql import Psql

_NAP_SECONDS = 1.0
_SHORTEST_NAP_SECONDS = 0.05


def prove(context: Context, release: Release, log_end: Dict[str, Any]) -> None:
    """Wait until the release is well; StepFailed says what is wrong when time is over.

    ``log_end``: where its log ended before it was started.  An error in the log is final.
    """
    deadline = context.clock() + context.plan.health.seconds
    nap = _SHORTEST_NAP_SECONDS
    while True:
        _refuse_errors(context, release, log_end)
        done = _look_until_fault(context, release)
        if done[-1].ok:
            # Whatever it wrote while it answered counts too.
            _refuse_errors(context, release, log_end)
            break
        if context.clock() > deadline:
            raise _unwell(release, done[-1])
        context.sleep(max(min(nap, deadline - context.clock()), _SHORTEST_NAP_SECONDS))
        nap = min(nap * 2, _NAP_SECONDS)
    done.append(Check("log", True, f"no error in {release.log} since the start"))
    context.tell("\n".join(f"{each.name}: {each.detail}" for each in done))
    context.save_notes({"checks": [dict(each._asdict()) for each in done]})


def look_once(plan: Plan) -> List[Check]:
    """All checks of the plan's new release, each exactly once; nothing is changed."""
    psql = Psql(plan.database, run_command, f"lpse-ops health {os.getpid()}")
    found = list(checks.look(plan, plan.new, psql))
    return [*found, checks.look_at_start(plan, plan.new)]


def _look_until_fault(context: Context, release: Release) -> List[Check]:
    """The first fault spares us the others: they need what it lacks, and time is short."""
    done = []
    for check in checks.look(context.plan, release, context.databases().psql):
        done.append(check)
        if not check.ok:
            break
    return done


def _refuse_errors(context: Context, release: Release, log_end: Dict[str, Any]) -> None:
    try:
        text = startuplog.read_since(release.folder, release.log, log_end)
    except FileNotFoundError:
        # It may not have written anything yet; that it answers is asked for anyway.
        return
    except OSError as error:
        where = f"{release.folder}/{release.log}"
        raise StepFailed(
            f"cannot read the log {where}: {error.strerror or error}",
            hint="log of that release in the plan is its real path inside it, with no links",
        ) from error
    errors = list(startuplog.find_errors(text, context.plan.health.ignored_errors))
    if errors:
        context.tell("\n".join(errors[:10]))
        raise StepFailed(
            f"the log {release.folder}/{release.log} tells of {len(errors)} errors: {errors[0]}",
            hint="if that is known and does no harm, add it to health.ignored_errors in the plan",
        )


def _unwell(release: Release, fault: Check) -> StepFailed:
    return StepFailed(
        f"{release.version} is not well: {fault.name}: {fault.detail}",
        hint="health in the plan says what is asked, and for how many seconds",
    )

"""Show the maintenance page: the proxy shows it as long as its file is there."""

import os

from spse_steps.context import Context, Step
from spse_steps.decision import IS_ABSENT, IS_DONE
from spse_steps.durable import read_beneath, remove_durably, write_durably
from spse_steps.plan import Plan

_LARGEST_BYTES = 1 << 20


def _describe(plan: Plan) -> str:
    return f"show the maintenance page: write {plan.flag}"


def show(context: Context) -> None:
    folder = os.path.dirname(context.plan.flag)
    os.makedirs(folder, mode=0o755, exist_ok=True)
    content = context.plan.notice.encode()
    write_durably(context.plan.flag, content, mode=0o644, root=folder, trace=context.trace)


def hide(context: Context) -> None:
    if os.path.isdir(os.path.dirname(context.plan.flag)):
        remove_durably(context.plan.flag)


def is_shown(context: Context) -> bool:
    """Whether it is our page, and not that of somebody else at work."""
    try:
        content = read_beneath(
            os.path.dirname(context.plan.flag), context.plan.flag, _LARGEST_BYTES
        )
    except OSError:
        return False
    return content == context.plan.notice.encode()


def _probe(context: Context) -> str:
    return IS_DONE if is_shown(context) else IS_ABSENT


STEP = Step("maintenance", _describe, show, _probe, hide)

"""Let the application's fixed path lead to the new release, in one step."""

import contextlib
import os

from spse_steps.context import Context, Step
from spse_steps.decision import IS_ABSENT, IS_DONE
from spse_steps.durable import Trace, open_folder_beneath
from spse_steps.errors import StepFailed
from spse_steps.plan import Plan


def _describe(plan: Plan) -> str:
    return f"switch {plan.link} from {plan.old.folder} to {plan.new.folder}"


def _run(context: Context) -> None:
    _switch(context, context.plan.new.folder)


def _undo(context: Context) -> None:
    _switch(context, context.plan.old.folder)


def _probe(context: Context) -> str:
    return IS_DONE if read_link(context.plan.link) == context.plan.new.folder else IS_ABSENT


def read_link(link: str) -> str:
    """Where a link leads, as a whole path; raises StepFailed."""
    try:
        target = os.readlink(link)
    except OSError as error:
        raise StepFailed(
            f"{link} is no symbolic link: {error.strerror}",
            hint=f"move what is there below the releases, then: ln -s RELEASE {link}",
        ) from error
    return os.path.normpath(os.path.join(os.path.dirname(link), target))


def _switch(context: Context, target: str) -> None:
    plan = context.plan
    now = read_link(plan.link)
    if now not in (plan.old.folder, plan.new.folder):
        raise StepFailed(
            f"{plan.link} leads to {now}, which is neither release of this upgrade",
            hint=f"if that is right, make a new plan; else: ln -sfn {plan.old.folder} {plan.link}",
        )
    if not os.path.isdir(target):
        raise StepFailed(f"there is no release {target}", hint="unpack the package again")
    if now != target:
        replace_link(plan.link, target, context.trace)
    context.tell(f"{plan.link} leads to {target}")


def replace_link(link: str, target: str, trace: Trace) -> None:
    """Make a link lead elsewhere; at no moment is there none."""
    folder, name = os.path.split(link)
    temporary = f".{name[:40]}.new"
    with open_folder_beneath(folder, folder) as parent:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary, dir_fd=parent)
        os.symlink(target, temporary, dir_fd=parent)
        trace("link: made")
        os.rename(temporary, name, src_dir_fd=parent, dst_dir_fd=parent)
        trace("link: renamed")
        os.fsync(parent)


STEP = Step("switch", _describe, _run, _probe, _undo)

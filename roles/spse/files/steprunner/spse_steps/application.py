"""The application as a whole: is it there, is it stopped, does it start."""

import glob
import os
from typing import List, NamedTuple, Optional

from spse_steps import processes
from spse_steps.commands import find_account
from spse_steps.context import Context
from spse_steps.durable import sync_folder
from spse_steps.errors import StepFailed
from spse_steps.plan import Plan, Release
from spse_steps.processes import Process

_NAP_SECONDS = 0.1
_UNITS = "/etc/systemd/system"


class Running(NamedTuple):
    """Processes of the application: whose number is in a pid file, and who has its port."""

    named: List[Process]
    listeners: List[Process]

    @property
    def all(self) -> List[Process]:
        return sorted(set(self.named + self.listeners))


def find_named(plan: Plan, release: Release) -> Optional[Process]:
    """The process that this release's pid file names, if it is the application's."""
    uid = find_account(plan.application.account).pw_uid
    folders = [plan.old.folder, plan.new.folder, plan.link]
    # The kernel tells where a process is by the path without links.
    folders += [os.path.realpath(folder) for folder in folders]
    return processes.find_named(release.folder, release.pid_file, uid, folders)


def find_running(plan: Plan) -> Running:
    """What runs of either release."""
    uid = find_account(plan.application.account).pw_uid
    named = [find_named(plan, release) for release in (plan.old, plan.new)]
    found = sorted({each for each in named if each is not None})
    return Running(found, processes.find_listeners(plan.application.port, uid))


def is_running(plan: Plan, release: Release) -> bool:
    """Whether it is this release that has the port: by its pid file, or by where it works."""
    here = find_named(plan, release)
    group = processes.group_of(here) if here else []
    folder = os.path.realpath(release.folder)
    return any(
        each in group or processes.works_in(each, folder) for each in find_running(plan).listeners
    )


def stop(context: Context) -> None:
    """Stop it by its own script; what does not end then is ended with its process group."""
    plan = context.plan
    before = find_running(plan).all
    if is_managed(plan):
        _give_stop(context, plan.new)
        _sync_units()
    elif before:
        for release in (plan.old, plan.new):
            if find_named(plan, release):
                _give_stop(context, release)
    else:
        context.tell("it does not run")
        return
    deadline = context.clock() + plan.application.stop_seconds
    while _left(plan, before) and context.clock() < deadline:
        context.sleep(_NAP_SECONDS)
    left = _left(plan, before)
    if left:
        context.tell(f"its script left {_numbers(left)} running: ended with their process groups")
        members = sorted({each for one in left for each in processes.group_of(one)})
        left = processes.end_processes(members, plan.application.stop_seconds)
    if left:
        raise StepFailed(
            f"the application does not end: processes {_numbers(left)}",
            hint=f"see what they wait for: ps -o pid,stat,wchan,args -p {_numbers(left)}",
        )


def is_managed(plan: Plan) -> bool:
    """Whether a service manager stops it: the command names no release, so no pid file matters.

    Then it is given also when nothing runs: the manager may be about to start it.
    """
    words = " ".join(plan.application.stop.argv)
    return "{link}" not in words and "{release}" not in words


def _give_stop(context: Context, release: Release) -> None:
    try:
        context.run(context.plan.application.stop, release)
    except StepFailed as error:
        # What is left is ended anyway.
        context.tell(error.message)


def _sync_units() -> None:
    """systemctl does not; after a power cut the boot would start what was disabled."""
    for folder in (_UNITS, *glob.glob(f"{_UNITS}/*.wants")):
        if os.path.isdir(folder):
            sync_folder(folder)


def _left(plan: Plan, before: List[Process]) -> List[Process]:
    """Its pid file may be gone before it is."""
    alive = [each for each in before if processes.is_alive(each)]
    return sorted(set(alive + find_running(plan).all))


def start(context: Context, release: Release) -> None:
    """Start it by its own script, unless it is this release that runs."""
    plan = context.plan
    if is_running(plan, release):
        context.tell(f"{release.version} runs already")
        return
    if find_running(plan).all:
        stop(context)
    owners = processes.owners_of_port(plan.application.port)
    if owners:
        raise StepFailed(
            f"port {plan.application.port} belongs to somebody else (user id {owners[0]})",
            hint=f"see who it is: ss -ltnp 'sport = :{plan.application.port}'",
        )
    context.run(plan.application.start, release)
    if is_managed(plan):
        _sync_units()


def _numbers(found: List[Process]) -> str:
    return " ".join(str(each.pid) for each in found)

"""What must be true before anything is touched: cheaper to say now than to roll back later."""

import os
import ssl
from typing import Callable, Iterator, List

from spse_steps import checks
from spse_steps.application import find_running
from spse_steps.commands import find_account, run_command
from spse_steps.databases import Databases
from spse_steps.errors import StepFailed, StepsError
from spse_steps.plan import Command, Plan, expand
from spse_steps.psql import Psql
from spse_steps.steps.files import read_source
from spse_steps.steps.switch import read_link


def check(plan: Plan) -> None:
    """Raise StepFailed with all that is wrong; nothing was changed then."""
    looks = (
        *(_check_accounts, _check_link, _check_sources, _check_programs),
        *(_check_pages, _check_database),
    )
    faults: List[str] = []
    for look in looks:
        faults += _faults_of(look, plan)
    hint = "put that right, then give the same command again"
    if not faults:
        faults = _faults_of(_check_proof, plan)
        hint = f"{hint}; if SPSE itself is ill and this is the cure, stop it first"
    if faults:
        raise StepFailed(f"nothing was changed, because: {'; '.join(faults)}", hint=hint)


def _faults_of(look: Callable[[Plan], Iterator[str]], plan: Plan) -> List[str]:
    try:
        return list(look(plan))
    except StepsError as error:
        return [f"{error.message} ({error.hint})"]


def _check_accounts(plan: Plan) -> Iterator[str]:
    for command in _commands(plan):
        find_account(command.account)
    find_account(plan.database.account)
    yield from ()


def _check_link(plan: Plan) -> Iterator[str]:
    now = read_link(plan.link)
    if now != plan.old.folder:
        yield f"{plan.link} leads to {now}, and the plan begins with {plan.old.folder}"
    for release in (plan.old, plan.new):
        if not os.path.isdir(release.folder) or os.path.islink(release.folder):
            yield f"{release.folder} is no folder: the release {release.version} is not unpacked"


def _check_sources(plan: Plan) -> Iterator[str]:
    for file in plan.files:
        read_source(file)
    yield from ()


def _check_programs(plan: Plan) -> Iterator[str]:
    for release in (plan.old, plan.new):
        values = {"link": release.folder, "release": release.folder}
        for command in _commands(plan):
            program = expand(command, values).argv[0]
            if program.startswith("/") and not os.access(program, os.X_OK):
                yield f"{program} is not there, or is no program"


def _check_database(plan: Plan) -> Iterator[str]:
    databases = Databases(Psql(plan.database, run_command, "lpse-ops"))
    if not databases.properties()["columns"]["datallowconn"]:
        name = plan.database.name
        yield f"{name} lets nobody in: psql -c 'ALTER DATABASE \"{name}\" ALLOW_CONNECTIONS true'"


def _check_pages(plan: Plan) -> Iterator[str]:
    for page in plan.health.pages:
        try:
            ssl.create_default_context(cafile=page.ca_file or None)
        except (OSError, ValueError) as error:
            yield f"ca_file of the page {page.name}, {page.ca_file}: {error}"


def _check_proof(plan: Plan) -> Iterator[str]:
    """A proof that the old release cannot pass would end every way back stuck, and SPSE closed."""
    if not find_running(plan).listeners:
        return
    psql = Psql(plan.database, run_command, "lpse-ops")
    for check in checks.look(plan, plan.old, psql):
        if not check.ok:
            who = f"{plan.old.version} does not pass the plan's own proof"
            yield f"{who}: {check.name}: {check.detail}"


def _commands(plan: Plan) -> List[Command]:
    application, backup = plan.application, plan.backup
    wanted = [application.start, application.stop, application.migration]
    return wanted + [each for each in (backup.run, backup.verify) if each is not None]

"""What is asked of an application that is well: each check by itself, now, changing nothing."""

import os
from typing import Callable, Iterator, List, NamedTuple

from spse_steps import processes, startuplog, webpage
from spse_steps.application import find_running, is_running
from spse_steps.errors import StepFailed
from spse_steps.plan import Plan, Release, WebPage
from spse_steps.psql import Psql, quote_name

# A read-only server refuses it; taken back, it leaves nothing.
_WRITE = (
    "BEGIN",
    "CREATE TABLE public.{name} (one int)",
    "INSERT INTO public.{name} VALUES (1)",
    "ROLLBACK",
)


class Check(NamedTuple):
    """``detail``: what was seen, or what is wrong."""

    name: str
    ok: bool
    detail: str


def look(plan: Plan, release: Release, psql: Psql) -> Iterator[Check]:
    """All checks but the log, each done when it is asked for; the first need the least."""
    yield _guard("port", lambda: _look_at_port(plan))
    yield _guard("release", lambda: _look_at_release(plan, release))
    for page in plan.health.pages:
        yield _look_at_page(page)
    yield _look_at_memory(plan)
    if plan.health.most_process_bytes:
        yield _guard("process-memory", lambda: _look_at_process_memory(plan))
    yield _guard("database", lambda: _look_at_database(psql))


def look_at_start(plan: Plan, release: Release) -> Check:
    """Whether the log of the last start is free of errors."""
    return _guard("log", lambda: _look_at_log(plan, release))


def _guard(name: str, check: Callable[[], Check]) -> Check:
    try:
        return check()
    except StepFailed as error:
        return Check(name, False, error.message)


def _look_at_port(plan: Plan) -> Check:
    port, account = plan.application.port, plan.application.account
    listeners = find_running(plan).listeners
    if not listeners:
        return Check("port", False, f"nothing of {account} listens on port {port}")
    return Check("port", True, f"{account} listens on port {port}: process {listeners[0].pid}")


def _look_at_release(plan: Plan, release: Release) -> Check:
    if not is_running(plan, release):
        return Check("release", False, f"what has the port is not of {release.folder}")
    if os.path.realpath(plan.link) != os.path.realpath(release.folder):
        return Check("release", False, f"{plan.link} does not lead to {release.folder}")
    return Check("release", True, f"{release.version} runs, from {release.folder}")


def _look_at_page(page: WebPage) -> Check:
    name = f"page {page.name}"
    fault = webpage.find_fault(page)
    return Check(name, not fault, fault or f"{page.url} answers 200 and holds {page.text!r}")


def _look_at_memory(plan: Plan) -> Check:
    least = plan.health.least_memory_bytes
    available = processes.available_bytes()
    wanted = f", at least {least >> 20} MiB should be" if least else ""
    return Check("memory", available >= least, f"{available >> 20} MiB are left{wanted}")


def _look_at_process_memory(plan: Plan) -> Check:
    most = plan.health.most_process_bytes
    used = sum(processes.resident_bytes(each.pid) for each in find_running(plan).all)
    detail = f"it takes {used >> 20} MiB, at most {most >> 20} MiB were expected"
    return Check("process-memory", used <= most, detail)


def _look_at_database(psql: Psql) -> Check:
    name = quote_name(f"lpse_ops_proof_{os.getpid()}")
    psql.execute(*(line.format(name=name) for line in _WRITE), database=psql.server.name)
    return Check("database", True, f"{psql.server.name} takes writes")


def _look_at_log(plan: Plan, release: Release) -> Check:
    running = find_running(plan).all
    if not running:
        return Check("log", False, "nothing runs, so there is no start to look at")
    began = min(processes.started_at(each) for each in running)
    try:
        lines = startuplog.read_start(release.folder, release.log, began, plan.health.seconds)
    except FileNotFoundError:
        return Check("log", True, f"there is no {release.log} (yet, or any more)")
    except OSError as error:
        return Check("log", False, f"cannot read {release.log}: {error.strerror or error}")
    errors: List[str] = list(startuplog.find_errors("\n".join(lines), plan.health.ignored_errors))
    if errors:
        return Check("log", False, f"{release.log} tells of {len(errors)} errors: {errors[0]}")
    seen = f"no error in {len(lines)} lines" if lines else "no line any more"
    return Check(
        "log", True, f"{seen} of {release.log} since the start, for {plan.health.seconds} s"
    )

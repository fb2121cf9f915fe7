"""The proof that the application is well: asked again and again until all is, or time is over."""

from typing import Any, Dict, Iterator, List

from spse_steps import processes, startuplog, webpage
from spse_steps.application import find_running
from spse_steps.context import Context
from spse_steps.errors import StepFailed
from spse_steps.plan import Release
from spse_steps.psql import quote_name

_NAP_SECONDS = 1.0
_SHORTEST_NAP_SECONDS = 0.05
# A read-only server refuses it; taken back, it leaves nothing.
_WRITE = (
    "BEGIN",
    "CREATE TABLE public.{name} (one int)",
    "INSERT INTO public.{name} VALUES (1)",
    "ROLLBACK",
)


def prove(context: Context, release: Release, log_end: Dict[str, Any]) -> None:
    """Wait until the release is well; StepFailed says all that is wrong when time is over.

    ``log_end``: where its log ended before it was started.  An error in the log is final.
    """
    deadline = context.clock() + context.plan.health.seconds
    nap = _SHORTEST_NAP_SECONDS
    while True:
        _refuse_errors(context, release, log_end)
        faults = list(find_faults(context))
        if not faults:
            # Whatever it wrote while it answered counts too.
            _refuse_errors(context, release, log_end)
            break
        if context.clock() > deadline:
            raise _unwell(release, faults)
        context.sleep(max(min(nap, deadline - context.clock()), _SHORTEST_NAP_SECONDS))
        nap = min(nap * 2, _NAP_SECONDS)
    names = ", ".join(page.name for page in context.plan.health.pages)
    context.tell(f"{release.version} answers: port, {names}, database writable, log, memory")


def find_faults(context: Context) -> Iterator[str]:
    """What is wrong now.  The first that is spares us the others: they need what it lacks."""
    plan = context.plan
    running = find_running(plan)
    if not running.listeners:
        yield f"port {plan.application.port}: nothing of {plan.application.account} listens"
        return
    for page in plan.health.pages:
        fault = webpage.find_fault(page)
        if fault:
            yield fault
            return
    yield from _find_memory_faults(context, [each.pid for each in running.all])
    yield from _find_database_faults(context)


def _find_memory_faults(context: Context, pids: List[int]) -> Iterator[str]:
    health = context.plan.health
    available = processes.available_bytes()
    if available < health.least_memory_bytes:
        least = health.least_memory_bytes
        yield f"memory: {available >> 20} MiB are left, at least {least >> 20} MiB should be"
    used = sum(map(processes.resident_bytes, pids))
    if health.most_process_bytes and used > health.most_process_bytes:
        most = health.most_process_bytes
        yield f"memory: it takes {used >> 20} MiB, at most {most >> 20} MiB were expected"


def _find_database_faults(context: Context) -> Iterator[str]:
    psql = context.databases().psql
    name = quote_name(f"lpse_ops_proof_{context.state().stamp.lower()}")
    try:
        psql.execute(*(line.format(name=name) for line in _WRITE), database=psql.server.name)
    except StepFailed as error:
        yield f"database: {error.message}"


def _refuse_errors(context: Context, release: Release, log_end: Dict[str, Any]) -> None:
    log = context.plan.application.log
    try:
        text = startuplog.read_since(release.folder, log, log_end)
    except FileNotFoundError:
        # It may not have written anything yet; that it answers is asked for anyway.
        return
    except OSError as error:
        raise StepFailed(
            f"cannot read the log {release.folder}/{log}: {error.strerror or error}",
            hint="application.log in the plan is its real path inside the release, with no links",
        ) from error
    errors = list(startuplog.find_errors(text, context.plan.health.ignored_errors))
    if errors:
        context.tell("\n".join(errors[:10]))
        raise StepFailed(
            f"the log {release.folder}/{log} tells of {len(errors)} errors: {errors[0]}",
            hint="if that is known and does no harm, add it to health.ignored_errors in the plan",
        )


def _unwell(release: Release, faults: List[str]) -> StepFailed:
    return StepFailed(
        f"{release.version} is not well: {'; '.join(faults)}",
        hint="health in the plan says what is asked, and for how many seconds",
    )

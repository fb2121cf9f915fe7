"""The health of the inventory's SPSE servers, all at a time, by the lpse-ops that is there."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from lpse_ops.cli.health_report import HealthReport, parse_report
from lpse_ops.cli.playbook_engine import Engine
from lpse_ops.cli.playbook_options import PlaybookFlags
from lpse_ops.cli.spse_hosts import ask_all, find_hosts, reach_by, run_command
from lpse_ops.cli.wiring import App
from lpse_ops.errors import HostUnreachable, OpsError
from lpse_ops.remote.link import AgentLink

# It judges, well or not.
_ANSWERED = (0, 1)
# More than the step runner is given there.
_PATIENCE = timedelta(minutes=6)


def ask_fleet(
    app: App, flags: PlaybookFlags, site: Path, releases: Path, steprunner: Path
) -> list[HealthReport]:
    """A report of each host; one that cannot be asked has why in its own."""
    where = (f"--site={site}", f"--releases={releases}", f"--steprunner={steprunner}")
    argv = ("lpse-ops", "spse", "health", "--format", "json", *where)
    # site.json is root's.
    engine = Engine(app, replace(flags, become=True))
    try:
        names = find_hosts(engine)
        reach = reach_by(engine)
        answers = ask_all(names, lambda name: _ask(reach(name), name, argv))
    finally:
        engine.close()
    return [
        _report_trouble(name, answer) if isinstance(answer, OpsError) else answer
        for name, answer in zip(names, answers, strict=True)
    ]


def _ask(link: AgentLink, name: str, argv: tuple[str, ...]) -> HealthReport:
    done = run_command(link, argv, patience=_PATIENCE)
    said = str(done.get("stdout", ""))
    if done.get("rc") not in _ANSWERED or not said:
        told = str(done.get("stderr") or done.get("msg") or "")
        words = told.strip().splitlines() or ["nothing was said"]
        said_error = words[0].removeprefix("lpse-ops: error: ")
        raise OpsError(
            f"{name}: nobody can tell: {said_error[:300]}",
            hint="is it a server that lpse-ops set up?  Log in there: sudo lpse-ops spse health",
        )
    return parse_report(name, said)


def _report_trouble(name: str, error: OpsError) -> HealthReport:
    is_unreachable = isinstance(error, HostUnreachable)
    return HealthReport(name, trouble=error.message, hint=error.hint, is_unreachable=is_unreachable)

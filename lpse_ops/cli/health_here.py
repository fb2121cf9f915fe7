"""The health of this machine's SPSE: the step runner asks about the release that is in use."""

import socket
from pathlib import Path
from typing import Any

from lpse_ops.cli.health_report import HealthReport, parse_checks
from lpse_ops.cli.spse_plan import place_releases
from lpse_ops.errors import NothingFound, ProcessFailed, ReleaseError
from lpse_ops.process import run
from lpse_ops.spse.currentrelease import read_current
from lpse_ops.spse.upgradeplan import compose_plan, load_site, render_plan

_PYTHON = "/usr/bin/python3"
# As long as a page may take, and the database; the step runner has limits of its own.
_SECONDS = 300.0
_WELL, _NOT_WELL = 0, 1


def ask_here(site_file: Path, releases: Path, steprunner: Path) -> HealthReport:
    """Whether it is well; an error if nobody can tell."""
    site = load_site(site_file)
    version = find_version(Path(site["link"]), releases)
    [place] = place_releases(releases, version)
    # Both are the one in use, and whether there is a backup is not asked here.
    plan = compose_plan(site, "health", place, place, accepted_risk="only asked for health")
    checks = parse_checks(_ask(steprunner, render_plan(plan)))
    return HealthReport(socket.gethostname(), version, checks)


def find_version(link: Path, releases: Path) -> str:
    current = read_current(link, releases)
    if current.state == "none":
        raise NothingFound(
            f"there is no SPSE: {link} leads nowhere", hint="install it: lpse-ops spse install"
        )
    if current.version is None or current.state != "release":
        raise ReleaseError(
            f"{link} is no link to a release ({current.state})",
            hint="an application that was installed by hand is adopted first: "
            "lpse-ops spse release adopt --release VERSION",
        )
    return current.version


def _ask(steprunner: Path, plan: bytes) -> Any:
    argv = [_PYTHON, "-IB", str(steprunner), "--format", "json", "health", "-"]
    done = run(argv, stdin=plan, timeout_seconds=_SECONDS)
    if done.status not in (_WELL, _NOT_WELL) or not done.stdout.strip():
        words = done.stderr.strip().splitlines() or [f"it ended with {done.status}"]
        raise ProcessFailed(
            f"the step runner does not tell: {words[0].removeprefix('steprunner: ')[:300]}",
            hint=f"is it in {steprunner}, and site.json as it should be?  The role spse brings "
            "both: lpse-ops spse install",
        )
    return done.stdout

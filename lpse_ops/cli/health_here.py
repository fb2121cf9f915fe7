"""The health of this machine's SPSE: the step runner asks about the release that is in use."""

import socket
from pathlib import Path

from lpse_ops.cli.health_report import HealthReport, parse_checks
from lpse_ops.cli.spse_plan import place_releases
from lpse_ops.cli.steprunner_call import ask_runner
from lpse_ops.errors import NothingFound, ReleaseError
from lpse_ops.spse.currentrelease import read_current
from lpse_ops.spse.upgradeplan import compose_plan, load_site, render_plan

_WELL, _NOT_WELL = 0, 1


def ask_here(site_file: Path, releases: Path, steprunner: Path) -> HealthReport:
    """Whether it is well; an error if nobody can tell."""
    site = load_site(site_file)
    version = find_version(Path(site["link"]), releases)
    [place] = place_releases(releases, version)
    # Both are the one in use, and whether there is a backup is not asked here.
    plan = compose_plan(site, "health", place, place, accepted_risk="only asked for health")
    checks = parse_checks(
        ask_runner(steprunner, "health", render_plan(plan), good=(_WELL, _NOT_WELL))
    )
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

"""Plan an upgrade: what the step runner will do, shown before anything is touched."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lpse_ops.cli.output import emit
from lpse_ops.cli.parameters import FILE, common_options, format_option
from lpse_ops.cli.spse_proposal import decision_options
from lpse_ops.cli.spse_release_options import releases_option, site_option, steprunner_option
from lpse_ops.cli.wiring import App
from lpse_ops.errors import UsageError

if TYPE_CHECKING:
    from lpse_ops.cli.spse_proposal import Candidate, Proposed
    from lpse_ops.spse.upgradeplan import PlannedRelease

_UNDECIDED = 1


@click.command(
    epilog="Example: lpse-ops spse plan --release 4.5 --id 2026-11-22-4.5 --output plan.json"
)
@click.option("--release", metavar="VERSION", help="The release to upgrade to.")
@click.option(
    "--package", type=FILE, metavar="ARCHIVE", help="A package that is not unpacked: only shown."
)
@click.option("--id", "plan_id", required=True, metavar="ID", help="New for each upgrade.")
@site_option
@click.option("--accept-risk", default="", metavar="REASON", help="Why no backup is to be made.")
@decision_options
@click.option(
    "--output", "-o", type=FILE, metavar="FILE", help="Where to write the plan, for root alone."
)
@steprunner_option
@releases_option
@format_option
@common_options
@click.pass_obj
def command(
    app: App,
    /,
    release: str | None,
    package: Path | None,
    plan_id: str,
    site: Path,
    accept_risk: str,
    set_file: Path | None,
    take_new: tuple[str, ...],
    output: Path | None,
    steprunner: Path,
    releases: Path,
    output_format: str,
) -> int:
    """Compose the plan of an upgrade to a release that is unpacked, and show its steps.

    The site's settings for it are proposed anew and kept beside the state of upgrades.  Nothing
    that runs is touched; the same call gives the same plan.  With --package nothing at all is
    written.

    Exit code 1: something is left that only a person can decide.  7: there is no backup to take,
    or an upgrade is not over.
    """
    from lpse_ops.cli.spse_plan_text import render_plan_text, to_json
    from lpse_ops.cli.spse_proposal import (
        load_candidate,
        propose_files,
        read_set_file,
        save_file,
    )
    from lpse_ops.cli.spse_proposal_text import tell
    from lpse_ops.cli.spse_release_options import require_root
    from lpse_ops.cli.spse_running import refuse_during_upgrade
    from lpse_ops.spse.releaseversion import is_older
    from lpse_ops.spse.upgradeplan import check_port, load_site, render_plan

    require_root("plan an upgrade")
    if package is not None and output is not None:
        raise UsageError(
            "what is not unpacked cannot be upgraded to: its plan is only shown",
            hint="unpack it: lpse-ops spse release unpack ARCHIVE; or leave --output out",
        )
    if package is None and release is None:
        raise UsageError("which release?", hint="say it: --release 4.5, or --package ARCHIVE")
    values = read_set_file(set_file)
    described = load_site(site)
    refuse_during_upgrade(app.state_folder)
    link = Path(described["link"])
    candidate = _inspect(package, release) if package else load_candidate(releases, release or "")
    proposed = propose_files(releases, link, candidate, values=values, take_new=take_new)
    if proposed.old is None:
        raise UsageError(
            f"{link} is not there: nothing is installed that could be upgraded",
            hint="install SPSE: lpse-ops spse install",
        )
    tell(app.console, proposed)
    if proposed.undecided:
        return _UNDECIDED
    old, new = proposed.old.version, proposed.new.version
    needed = old != new
    answer: dict[str, Any] = {"id": plan_id, "needed": needed, "downgrade": is_older(new, old)}
    if answer["downgrade"]:
        app.console.warn(f"DOWNGRADE: {new} is older than {old}, which is in use; read the plan")
    if needed:
        check_port(described, proposed.proposal.configuration.values, new)
        plan = _compose(app, described, plan_id, proposed, releases, accept_risk)
        content = render_plan(plan)
        steps = _read_steps(steprunner, content)
        for path, each in _files(app, proposed) if package is None else ():
            save_file(path, each.content)
        answer["changed"] = output is not None and save_file(output, content)
        answer |= {"unpacked": package is None, **to_json(plan, steps, proposed)}
    else:
        if output is not None:
            # An older plan there would be taken for this one.
            output.unlink(missing_ok=True)
        app.console.warn(f"{new} is the current release already: there is nothing to upgrade")
    emit(
        "spse/plan",
        answer,
        text=lambda: render_plan_text(answer),
        output_format=output_format,
        output=None,
    )
    return 0


def _inspect(archive: Path, release: str | None) -> "Candidate":
    from lpse_ops.cli.spse_proposal import read_candidate
    from lpse_ops.spse.package import Expected, open_package

    with open_package(archive) as package:
        inspected = package.inspect(Expected(version=release))
        return read_candidate(package, inspected)


def _files(app: App, proposed: "Proposed") -> list[tuple[Path, Any]]:
    from lpse_ops.cli.spse_proposal import files_folder

    folder = files_folder(app.state_folder, proposed.new.version).absolute()
    return [(folder / each.name, each) for each in proposed.files]


def _compose(
    app: App,
    site: dict[str, Any],
    plan_id: str,
    proposed: "Proposed",
    releases: Path,
    accept_risk: str,
) -> dict[str, Any]:
    import hashlib

    from lpse_ops.spse.release import release_folder
    from lpse_ops.spse.upgradeplan import (
        COMMON_LOG,
        PlannedFile,
        compose_plan,
        plan_place,
    )

    if proposed.old is None:
        raise AssertionError("there is a release to go from")
    files = [
        PlannedFile(
            str(path),
            each.target,
            hashlib.sha256(each.content).hexdigest(),
            f"{each.mode:04o}",
        )
        for path, each in _files(app, proposed)
    ]
    (old,) = place_releases(releases, proposed.old.version)
    new = plan_place(
        proposed.new.version,
        str(release_folder(releases.absolute(), proposed.new.version)),
        proposed.new.layout,
        common_log=old.log.endswith(f"/{COMMON_LOG}"),
    )
    return compose_plan(site, plan_id, old, new, files, accepted_risk=accept_risk)


def place_releases(releases: Path, *versions: str) -> list["PlannedRelease"]:
    """Releases as a plan names them; the first one ran, and its log tells how logs are named."""
    from lpse_ops.spse.release import load_release, release_folder
    from lpse_ops.spse.upgradeplan import has_common_log, plan_place

    first = load_release(releases, versions[0])
    logs = release_folder(releases, first.version) / first.layout.logs
    names = {each.name for each in logs.iterdir()} if logs.is_dir() else set()
    common_log = has_common_log(first.version, names)
    return [
        plan_place(
            version,
            str(release_folder(releases.absolute(), version)),
            load_release(releases, version).layout,
            common_log=common_log,
        )
        for version in versions
    ]


def _read_steps(steprunner: Path, plan: bytes) -> list[dict[str, str]]:
    """What the step runner makes of a plan: it judges every value, and says what it will do."""
    from lpse_ops.cli.steprunner_call import ask_runner

    steps = json.loads(ask_runner(steprunner, "plan", plan))["steps"]
    return [{"name": str(each["name"]), "what": str(each["what"])} for each in steps]

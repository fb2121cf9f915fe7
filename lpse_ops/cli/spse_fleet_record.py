"""What was done on each server, read there: for the recap, and for the ledger of this machine.

A server keeps a record of its own.  Who directs a fleet has one as well, unless both are one.
"""

import base64
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from lpse_ops.cli.spse_hosts import Reach, run_command
from lpse_ops.cli.spse_record import record_once
from lpse_ops.cli.wiring import App
from lpse_ops.errors import OpsError, ReleaseError
from lpse_ops.remote.link import AgentLink
from lpse_ops.spse.change import Package, Run
from lpse_ops.spse.fleetresult import Action, HostResult
from lpse_ops.spse.installrun import run_of_install
from lpse_ops.spse.upgraderun import find_kind, run_of_upgrade
from lpse_ops.spse.upgradestate import MAX_BYTES, parse_upgrade

_FOLDER = "/var/lib/lpse-ops/upgrade"
_STATE, _REPORT = f"{_FOLDER}/state.json", f"{_FOLDER}/install.json"
_MACHINE_ID = "/etc/machine-id"
_RELEASES = ("lpse-ops", "spse", "release", "list", "--format", "json")


@dataclass(frozen=True)
class Told:
    """What was said for the record; ``package`` None where no one was named.

    ``why`` gives the reason and the people for a host.
    """

    action: Action
    why: Callable[[str], tuple[str, tuple[str, ...]]]
    account: str
    change_id: str | None = None
    package: Package | None = None


def complete(
    app: App, reach: Reach, told: Told, results: Sequence[HostResult], changed: Sequence[str]
) -> list[HostResult]:
    """The results with backup and downtime of the hosts that were ``changed``; each recorded here.

    What was done is done: a record that cannot be written is told, and stops nothing.
    """
    completed = []
    for result in results:
        if result.host in changed:
            try:
                result = _complete_one(app, reach(result.host), told, result)
            except OpsError as error:
                app.console.warn(
                    f"{result.host}: not on record here: {error.message}; {error.hint}"
                )
        completed.append(result)
    return completed


def _complete_one(app: App, link: AgentLink, told: Told, result: HostResult) -> HostResult:
    run = _read_run(link, told, result.host)
    down = run.downtime.seconds if run.downtime else None
    result = replace(
        result,
        backup_snapshot=run.backup_snapshot,
        downtime=None if down is None else timedelta(seconds=down),
    )
    if _is_this_machine(link):
        return result
    if app.settings_unless_empty is None:
        app.console.warn(
            f"{link.name}: on record there, but not here: this machine has no settings; "
            "lpse-ops init DIR lays them out"
        )
        return result
    found, is_new = record_once(app, run, change_id=told.change_id)
    if is_new:
        app.console.print(f"recorded   {found}: {result.host}, {run.result}")
    return result


def _read_run(link: AgentLink, told: Told, host: str) -> Run:
    reason, people = told.why(host)
    if told.action == "install":
        return run_of_install(
            _read_file(link, _REPORT),
            _REPORT,
            server=host,
            account=told.account,
            reason=reason,
            performed_by=people,
            package=told.package,
        )
    state = parse_upgrade(_read_file(link, _STATE), f"{link.name}:{_STATE}")
    kind = find_kind(state)
    place = state.old if kind == "rollback" else state.new
    run = run_of_upgrade(
        state,
        kind=kind,
        server=host,
        reason=reason,
        performed_by=people,
        package=_find_package(link, place.version) or told.package,
    )
    return run if people else replace(run, account=told.account)


def _read_file(link: AgentLink, path: str) -> bytes:
    answer = link.run("slurp", {"src": path})
    content = answer.get("content")
    try:
        if not isinstance(content, str) or len(content) > MAX_BYTES * 2:
            raise ValueError(str(answer.get("msg", "no content"))[:200])
        return base64.b64decode(content, validate=True)
    except ValueError as error:
        raise ReleaseError(
            f"cannot read {path} on {link.name}: {error}", hint=f"look there, as root: ls -l {path}"
        ) from error


def _find_package(link: AgentLink, version: str) -> Package | None:
    """What a release there was made of; None where it is not said."""
    try:
        answer = json.loads(str(run_command(link, _RELEASES).get("stdout", "")))
        rows: list[Mapping[str, Any]] = answer["releases"]
        row = next(each for each in rows if each["version"] == version)
        return Package(str(row["package"]), version, str(row["sha256"])) if row["package"] else None
    except (ValueError, KeyError, TypeError, StopIteration, RecursionError):
        return None


def _is_this_machine(link: AgentLink) -> bool:
    """Whether its ledger is ours."""
    try:
        own = Path(_MACHINE_ID).read_bytes().strip()
        return bool(own) and own == _read_file(link, _MACHINE_ID).strip()
    except (OSError, OpsError):
        return False

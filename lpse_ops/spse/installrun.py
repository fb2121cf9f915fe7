"""What the role ``spse`` notes of an installation (``install.json``), as a run of the register.

Read as mistrustfully as the step runner's state: every value is checked for its type.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from lpse_ops.errors import ReleaseError
from lpse_ops.spse.change import Package, Run, RunResult, Step, StepStatus
from lpse_ops.spse.jsonvalues import as_list, as_mapping, as_moment, as_text
from lpse_ops.spse.upgradestate import parse_step

FORMAT = 1
MAX_BYTES = 1 << 20
_RESULTS: Mapping[object, RunResult] = {
    "done": "done",
    "failed": "failed",
    None: "interrupted",
}


def run_of_install(
    content: bytes,
    path: object,
    *,
    server: str,
    account: str,
    reason: str,
    performed_by: Sequence[str] = (),
    package: Package | None = None,
) -> Run:
    """The run that a report tells of; ``ReleaseError`` for what is none."""
    try:
        value = as_mapping(json.loads(content.decode()))
        if value.get("format") != FORMAT:
            raise ValueError("it is of another format")
        begun = as_moment(value["begun"])
        ended = begun if value.get("ended") is None else as_moment(value["ended"])
        if value.get("outcome") not in _RESULTS:
            raise ValueError(f"its outcome is {value['outcome']!r:.40}")
        return Run(
            kind="install",
            server=server,
            started=begun,
            ended=ended,
            result=_RESULTS[value.get("outcome")],
            reason=reason,
            performed_by=tuple(performed_by) or (account,),
            account=f"{account}@{server}",
            package=package,
            accepted_risk=as_text(value.get("accepted_risk", "")),
            steps=tuple(_step(as_mapping(each)) for each in as_list(value.get("steps", []))),
            tests=tuple(map(as_text, as_list(value.get("tests", [])))),
            problem=as_text(value.get("reason", "")),
            stamp=as_text(value["stamp"]),
        )
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        why = f"it has no {error}" if isinstance(error, KeyError) else str(error)[:200]
        raise ReleaseError(
            f"{path} is no report of an installation: {why}",
            hint="run the playbook again: playbooks/install.yml writes it anew",
        ) from error


def _step(value: Mapping[str, Any]) -> Step:
    """A step as the step runner writes its own; Ansible may make text of a number."""
    status = value.get("rc")
    if isinstance(status, str) and status.isdecimal():
        value = {**value, "rc": int(status)}
    step = parse_step(value)
    verdict: StepStatus = "ok" if step.status == "done" else "failed"
    return Step(step.name, verdict, step.begun, step.ended, step.exit_status, step.output)


def version_of_install(content: bytes) -> str | None:
    """The version that a report tells of, if it does."""
    try:
        return as_text(as_mapping(as_mapping(json.loads(content.decode()))["to"])["version"])
    except (ValueError, KeyError, TypeError, RecursionError):
        return None

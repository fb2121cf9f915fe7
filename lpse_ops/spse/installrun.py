"""What the role ``spse`` notes of an installation (``install.json``), as a run of the register.

Read as mistrustfully as the step runner's state: every value is checked for its type.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from lpse_ops.errors import ReleaseError
from lpse_ops.spse.change import Package, Run, RunResult

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
        value = _mapping(json.loads(content.decode()))
        if value.get("format") != FORMAT:
            raise ValueError("it is of another format")
        begun = _moment(value["begun"])
        ended = begun if value.get("ended") is None else _moment(value["ended"])
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
            accepted_risk=_text(value.get("accepted_risk", "")),
            tests=tuple(map(_text, _several(value.get("tests", [])))),
            problem=_text(value.get("reason", "")),
            stamp=_text(value["stamp"]),
        )
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        why = f"it has no {error}" if isinstance(error, KeyError) else str(error)[:200]
        raise ReleaseError(
            f"{path} is no report of an installation: {why}",
            hint="run the playbook again: playbooks/install.yml writes it anew",
        ) from error


def version_of_install(content: bytes) -> str | None:
    """The version that a report tells of, if it does."""
    try:
        return _text(_mapping(_mapping(json.loads(content.decode()))["to"])["version"])
    except (ValueError, KeyError, TypeError, RecursionError):
        return None


def _mapping(value: Any) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise TypeError(f"{str(value)[:40]!r} has no keys")
    return value


def _several(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise TypeError(f"{str(value)[:40]!r} is no list")
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{str(value)[:40]!r} is no text")
    return value


def _moment(value: Any) -> datetime:
    moment = datetime.fromisoformat(_text(value))
    if moment.tzinfo is None:
        raise ValueError(f"{value!r} has no time zone")
    return moment

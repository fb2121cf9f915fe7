"""A plan and a state to start from, for tests of what only decides."""

from typing import Any

from spse_steps.state import Record, State
from spse_steps.steps.catalog import NAMES

STAMP = "20261122T021500Z_ab12"


def release_value(version: str, **fields: str) -> dict[str, str]:
    return {"version": version, "release": f"/opt/spse/releases/{version}", **fields}


def plan_value(**changes: Any) -> dict[str, Any]:
    """A whole plan as in README.md of the role."""
    command = {"argv": ["{link}/spse4", "start"]}
    plan: dict[str, Any] = {
        "format": 1,
        "id": "2026-11-22-4.5",
        "from": release_value("4.3", pid_file="webapp/server.pid", log="webapp/logs/spse4.3.log"),
        "to": release_value("4.5", log="logs/spse4.5.log"),
        "link": "/home/appserv/spse",
        "maintenance": {"flag": "/var/www/lpse-ops/on.html", "notice": "<h1>Pemeliharaan</h1>"},
        "application": {
            "account": "appserv",
            "port": 9090,
            "start": command,
            "stop": command,
            "migration": command,
        },
        "backup": {"run": command, "verify": command},
        "database": {"name": "epns_prod"},
        "files": [{"source": "/etc/lpse-ops/a.conf", "target": "conf/a.conf", "sha256": "0" * 64}],
        "health": {"pages": [{"name": "local", "url": "http://127.0.0.1/", "text": "Masuk"}]},
    }
    for key, value in changes.items():
        plan[key] = {**plan[key], **value} if isinstance(value, dict) else value
    return plan


def state_with(*statuses: str, **fields: Any) -> State:
    """A state whose first steps have these statuses, and whose others are pending."""
    known = [*statuses, *["pending"] * (len(NAMES) - len(statuses))]
    records = tuple(Record(name, status) for name, status in zip(NAMES, known, strict=True))
    return State(STAMP, plan_value(), "", "2026-11-22T02:15:00Z", records, **fields)


def state_up_to(name: str, status: str, *, before: str = "done", **fields: Any) -> State:
    """All steps before ``name`` are as ``before`` says, and it has this status."""
    return state_with(*[before] * NAMES.index(name), status, **fields)

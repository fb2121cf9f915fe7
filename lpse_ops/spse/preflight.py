"""Whether a server is fit for an installation or an upgrade of SPSE: facts in, checks out.

``CHECKS`` is all of them, in the order in which they are shown.  Each gets the facts of the agent's
module ``_spse_facts`` and answers with as many lines as it needs.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from lpse_ops.spse import (
    preflightdatabase,
    preflightmachine,
    preflightnetwork,
    preflightroom,
    preflightsite,
)
from lpse_ops.spse.preflightcheck import Asked, Check, Level
from lpse_ops.spse.preflightfacts import Facts

Judge = Callable[[Facts, Asked], Iterable[Check]]

CHECKS: dict[str, Judge] = {
    "system": preflightmachine.judge_system,
    "memory": preflightmachine.judge_memory,
    "disk": preflightroom.judge_rooms,
    "reboot": preflightmachine.judge_reboot,
    "units": preflightmachine.judge_units,
    "confinement": preflightmachine.judge_confinement,
    "clock": preflightmachine.judge_clock,
    "dns": preflightnetwork.judge_names,
    "ports": preflightnetwork.judge_ports,
    "tls": preflightnetwork.judge_certificates,
    "visitors": preflightnetwork.judge_visitors,
    "java": preflightsite.judge_java,
    "release": preflightsite.judge_release,
    "service": preflightsite.judge_service,
    "upgrade": preflightsite.judge_upgrade,
    "backup": preflightsite.judge_backups,
    "database": preflightdatabase.judge_database,
}


def judge(facts: Mapping[str, Any], asked: Asked) -> list[Check]:
    """All checks; one that nobody said anything about is UNKNOWN, never left out."""
    known = Facts(facts)
    checks: list[Check] = []
    for name, judge_one in CHECKS.items():
        said = list(judge_one(known, asked))
        checks += said or [Check(name, Level.UNKNOWN, "the host does not tell")]
    return checks

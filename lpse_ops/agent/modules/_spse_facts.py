"""What this host is like for SPSE: facts for ``spse preflight``, which decides elsewhere.

No task can ask for it by name.  All that it does is to look; a side that cannot be read, or not in
time, says so under ``trouble`` and holds nobody up.
Runs on the managed host: standard library and ``lpse_ops.agent`` only, Python 3.6.
"""

import os
import threading
import time
from typing import Any, Callable, Dict, List, Sequence

from lpse_ops.agent.context import Context
from lpse_ops.agent.spsefacts import (
    backups,
    certificates,
    clock,
    database,
    installed,
    machine,
    network,
    rooms,
    visitors,
)
from lpse_ops.agent.spsefacts.programs import Programs
from lpse_ops.agent.spsefacts.site import Page, Site, read_site

ARGUMENTS: Dict[str, Dict[str, Any]] = {
    "_site": {"type": "str", "default": "/etc/lpse-ops/spse/site.json"},
    # Stronger than the file; fields of ``spsefacts.site.Site``.
    "_said": {"type": "dict", "default": {}},
    "_path": {"type": "str", "default": "/eproc4"},
    "_names": {"type": "list", "elements": "str", "default": []},
    "_minutes": {"type": "int", "default": 30},
    "_seconds": {"type": "int", "default": 90},
}
CHECK_MODE = "full"
_HTTP, _HTTPS, _POSTGRESQL = 80, 443, 5432
_ROOM_SECONDS = 10
_SPARE_SECONDS = 2

Values = Dict[str, Any]


def run(args: Values, context: Context) -> Values:
    """Read all sides at once; what is late stays out."""
    site = read_site(args["_site"], args["_said"])
    pages = [*site.pages, *(Page(name, "127.0.0.1", _HTTPS, "") for name in args["_names"])]
    names = [os.uname().nodename, *(page.name for page in pages)]
    if site.database_host and not site.database_host.startswith("/"):
        names.append(site.database_host)
    # Before the sides are given up, so that nothing runs on when all is told.
    programs = Programs(time.monotonic() + args["_seconds"] - _SPARE_SECONDS)
    sides: Dict[str, Callable[[], Any]] = {
        "system": machine.read_system,
        "memory": machine.read_memory,
        "reboot": lambda: machine.read_reboot(programs),
        "confinement": machine.read_confinement,
        "units": lambda: machine.read_units(programs, site.unit),
        "clock": lambda: clock.read_clock(programs),
        "names": lambda: {"found": network.read_names(names)},
        "ports": lambda: network.read_ports([_HTTP, _HTTPS, site.port, _POSTGRESQL]),
        "certificates": lambda: {"found": certificates.read_certificates(_once(pages))},
        "visitors": lambda: visitors.read_visitors(args["_path"], args["_minutes"]),
        "backups": lambda: backups.read_backups(programs),
        "release": lambda: installed.read_release(site),
        "java": lambda: installed.read_java(programs, site),
        "upgrade": lambda: installed.read_upgrade(programs),
        "database": lambda: database.read_database(programs, site),
    }
    facts = read_sides(sides, args["_seconds"])
    # After the database, which knows where its data is.
    places = find_places(site, facts["database"].get("data_directory"))
    facts.update(read_sides({"rooms": lambda: {"found": rooms.read_rooms(places)}}, _ROOM_SECONDS))
    facts["site"] = {
        "trouble": site.trouble,
        "port": site.port,
        "database": site.database,
        "role": site.role,
        "reserve_mib": site.reserve_mib,
        "rollback_point": site.rollback_point,
        "accepted_risk": site.accepted_risk,
        "pages": [page.name for page in site.pages],
    }
    return {"facts": facts}


def find_places(site: Site, data_directory: Any) -> Dict[str, str]:
    """Folders whose room counts, by what they are for."""
    return {
        "database": data_directory if isinstance(data_directory, str) else "/var/lib",
        "dumps": site.dump_folder,
        "releases": site.releases,
        "documents": site.documents,
        "state": "/var/lib/lpse-ops",
        "logs": "/var/log",
        "temporary": "/tmp",  # noqa: S108 - looked at, not written to
    }


def read_sides(sides: Dict[str, Callable[[], Any]], seconds: float) -> Values:
    """The answers that came in time; the others are why they did not."""
    answers: Values = {}
    threads = [
        threading.Thread(target=_read, args=(name, read, answers), daemon=True)
        for name, read in sides.items()
    ]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + seconds
    for thread in threads:
        thread.join(max(deadline - time.monotonic(), 0))
    late = {"trouble": f"no answer within {seconds} seconds"}
    return {name: answers.get(name, late) for name in sides}


def _read(name: str, read: Callable[[], Any], answers: Values) -> None:
    try:
        answers[name] = read()
    except Exception as error:
        # What a side did not expect of its programs must not cost the others.
        answers[name] = {"trouble": f"{type(error).__name__}: {error}"[:300]}


def _once(pages: Sequence[Page]) -> List[Page]:
    """One page of each name, the first one."""
    return list({page.name: page for page in reversed(pages)}.values())

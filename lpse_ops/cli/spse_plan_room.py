"""How large the database is, and whether there is room for the way back."""

import json
import os
import pwd
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lpse_ops.errors import OpsError
from lpse_ops.process import Account, run

_SECONDS = 30
_QUERY = (
    "SELECT json_build_array(pg_database_size(current_database()), "
    "current_setting('data_directory'))"
)
# As the step runner reckons.
_GROWTH = 1.1
_MEBIBYTE = 1 << 20


@dataclass(frozen=True)
class Room:
    """In bytes; ``kind`` is the rollback point that there is room for, ``clone`` or ``dump``."""

    database: int
    needed: int
    free: int
    kind: str


def measure_room(database: Mapping[str, Any]) -> Room | None:
    """Ask the database of a site; None when nobody answers, which the upgrade itself will say."""
    try:
        size, folder = _ask(database)
        free = shutil.disk_usage(folder).free
    except (OpsError, OSError, KeyError, TypeError, ValueError):
        return None
    needed = int(size * _GROWTH) + int(database.get("reserve_mib", 1024)) * _MEBIBYTE
    wanted = str(database.get("rollback_point", "auto"))
    kind = ("clone" if free >= needed else "dump") if wanted == "auto" else wanted
    return Room(size, needed, free, kind)


def _ask(database: Mapping[str, Any]) -> tuple[int, str]:
    entry = pwd.getpwnam(str(database.get("account", "postgres")))
    program = Path(str(database.get("programs") or ""), "psql")
    environment = {
        "PATH": os.environ.get("PATH", os.defpath),
        "PGPORT": str(database.get("port", 5432)),
        "PGUSER": str(database.get("user", "postgres")),
        "PGCONNECT_TIMEOUT": str(_SECONDS),
    }
    for name, key in (("PGHOST", "host"), ("PGPASSFILE", "passfile")):
        if database.get(key):
            environment[name] = str(database[key])
    name = str(database["name"])
    done = run(
        [program, "-XAtqw", "-d", name, "-c", _QUERY],
        environment=environment,
        account=Account(entry.pw_uid, entry.pw_gid),
        timeout_seconds=_SECONDS,
    )
    size, folder = json.loads(done.stdout)
    return int(size), str(folder)

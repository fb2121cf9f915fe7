"""A database into a file and back, by ``pg_dump`` and ``pg_restore``."""

import os
from typing import Any, Dict, List

from spse_steps import dbnames
from spse_steps.databases import Databases
from spse_steps.dbproperties import plan_creation
from spse_steps.durable import Trace, sync_folder
from spse_steps.errors import StepFailed

_MAGIC = b"PGDMP"
_SUFFIX = ".dump"
_NEW = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC


def dump_path(databases: Databases, name: str) -> str:
    return os.path.join(databases.psql.server.dump_folder, name + _SUFFIX)


def write_dump(databases: Databases, path: str, trace: Trace) -> None:
    """Dump the application's database; the file has its name only when it is whole and read."""
    psql = databases.psql
    folder = os.path.dirname(path)
    os.makedirs(folder, mode=0o700, exist_ok=True)
    half = f"{path}.half"
    with open(os.open(half, _NEW, 0o600), "wb") as stream:
        argv = [psql.program("pg_dump"), "-Fc", "--no-password", f"--dbname={databases.name}"]
        ended = psql.run(argv, seconds=psql.server.seconds, stdout=stream)
        if ended.rc:
            raise psql.failure("pg_dump", ended)
        os.fsync(stream.fileno())
    trace("dump: written")
    _check_dump(databases, half)
    os.rename(half, path)
    trace("dump: renamed")
    sync_folder(folder)


def _check_dump(databases: Databases, path: str) -> None:
    # Unbuffered: pg_restore reads on where the file stands.
    with open(path, "rb", buffering=0) as stream:
        if stream.read(len(_MAGIC)) != _MAGIC:
            raise StepFailed(f"{path} is no dump of a database", hint="df -h shows if it is full")
        stream.seek(0)
        argv = [databases.psql.program("pg_restore"), "--list"]
        ended = databases.psql.run(argv, seconds=600, stdin=stream)
    if ended.rc:
        raise databases.psql.failure("pg_restore --list", ended)


def restore_dump(
    databases: Databases, path: str, name: str, properties: Dict[str, Any], trace: Trace
) -> None:
    """Make a new database ``name`` of a dump; an earlier, half-made one is dropped."""
    psql = databases.psql
    databases.drop(name)
    psql.execute(plan_creation(name, properties), seconds=600)
    trace("restore: created")
    argv = [psql.program("pg_restore"), "--no-password", "--exit-on-error", f"--dbname={name}"]
    with open(path, "rb") as stream:
        ended = psql.run(argv, seconds=psql.server.seconds, stdin=stream)
    if ended.rc:
        raise psql.failure("pg_restore", ended)
    trace("restore: filled")


def remove_old_dumps(databases: Databases, stamp: str) -> List[str]:
    """Remove what earlier upgrades left, but the newest; their paths."""
    server = databases.psql.server
    if not os.path.isdir(server.dump_folder):
        return []
    found = [each for each in os.listdir(server.dump_folder) if each.endswith(_SUFFIX)]
    names = [each[: -len(_SUFFIX)] for each in found]
    old = dbnames.choose_old(databases.name, names, keep=server.keep, stamp=stamp)
    paths = [dump_path(databases, name) for name in old]
    for path in paths:
        os.unlink(path)
    return paths

"""The ``postgresql_ping`` module: whether a server answers, and its version."""

import re
from typing import Any, Dict

from lpse_ops.agent.context import Context
from lpse_ops.agent.libpq import DatabaseError
from lpse_ops.agent.pgsession import SESSION_ARGUMENTS, Session, connect, refuse_dangerous

ARGUMENTS: Dict[str, Dict[str, Any]] = dict(
    SESSION_ARGUMENTS, login_db={"type": "str", "aliases": ["db"]}
)
CHECK_MODE = "full"

_VERSION = re.compile(r"(\d+)\.?(\d+)?(?:\.(\d+))?")


def run(args: Dict[str, Any], context: Context) -> Dict[str, Any]:
    """Say whether there is a connection; that there is none is no failure."""
    refuse_dangerous(args, "session_role")
    result: Dict[str, Any] = {"is_available": False, "server_version": {}, "conn_err_msg": ""}
    try:
        connection = connect(args, args["login_db"])
    except DatabaseError as error:
        warning = f"PostgreSQL server is unavailable: {error}"
        return dict(result, conn_err_msg=str(error), warnings=[warning])
    try:
        row = Session(connection, autocommit=True).row("SELECT version()")
    finally:
        connection.close()
    return dict(
        result, is_available=True, server_version=parse_version(row["version"] if row else "")
    )


def parse_version(raw: str) -> Dict[str, Any]:
    """The parts of what ``version()`` says; a development version has no minor number."""
    words = raw.split()
    full = words[1] if len(words) > 1 else ""
    match = _VERSION.match(full)
    if not match:
        return {"full": full, "raw": raw}
    major, minor, patch = match.groups()
    version = {"major": int(major), "minor": int(minor or 0), "full": full, "raw": raw}
    return version if patch is None else dict(version, patch=int(patch))

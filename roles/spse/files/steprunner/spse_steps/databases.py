"""A database and those beside it: who may be in, who is in, and what is there."""

import os
import shutil
import time
from typing import Any, Callable, Dict, Optional, Set

from spse_steps.dbproperties import read_properties
from spse_steps.errors import StepFailed
from spse_steps.psql import Psql, quote_name, quote_text

_TRIES = 40
_NAP_SECONDS = 0.25
_OTHERS = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE datname = {} AND pid <> pg_backend_pid()
"""
_OWN = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE application_name = {} AND pid <> pg_backend_pid()
"""
_IS_OPEN = """
SELECT 1 AS one FROM pg_database WHERE datname = {} AND datallowconn AND datconnlimit = {}
"""
_SESSIONS = "SELECT pid FROM pg_stat_activity WHERE datname = {}"
_PLACE = """
SELECT current_setting('data_directory') AS data, pg_tablespace_location(dattablespace) AS place
FROM pg_database WHERE datname = {}
"""


class Databases:
    """Those of one server; ``name`` is the application's.  All methods raise StepFailed."""

    def __init__(self, psql: Psql, *, sleep: Callable[[float], None] = time.sleep) -> None:
        self.psql = psql
        self.name = psql.server.name
        self._sleep = sleep

    def names(self) -> Set[str]:
        """All databases of the server."""
        return {str(row["datname"]) for row in self.psql.query("SELECT datname FROM pg_database")}

    def properties(self) -> Dict[str, Any]:
        """All that is to be said of the application's database, as JSON."""
        try:
            return read_properties(self.psql, self.name)
        except LookupError as error:
            raise StepFailed(
                f"{error} on the server",
                hint="psql -l lists those that are there; database.name in the plan says which",
            ) from error

    def free_bytes(self) -> Optional[int]:
        """Room where the application's database lies; None where that is not this machine."""
        host = self.psql.server.host
        if host and not host.startswith("/"):
            return None
        rows = self.psql.query(_PLACE.format(quote_text(self.name)))
        folder = str(rows[0]["place"] or rows[0]["data"]) if rows else ""
        return shutil.disk_usage(folder).free if os.path.isdir(folder) else None

    def is_open(self, limit: int) -> bool:
        """Whether those may come in whom the site lets in, as many as ``limit`` says."""
        return bool(self.psql.query(_IS_OPEN.format(quote_text(self.name), limit)))

    def open(self, limit: int) -> None:
        """Let those in again; ``limit`` is the site's own limit of connections, -1 for none."""
        name = quote_name(self.name)
        self.psql.execute(
            f"ALTER DATABASE {name} WITH ALLOW_CONNECTIONS true CONNECTION LIMIT {limit}"
        )

    def close(self, name: str) -> None:
        """Let nobody in, and end those who are."""
        self._end_after(f"ALTER DATABASE {quote_name(name)} ALLOW_CONNECTIONS false", name)

    def leave_to_superusers(self) -> None:
        """Let nobody else into the application's database, and end all who are."""
        limited = f"ALTER DATABASE {quote_name(self.name)} CONNECTION LIMIT 0"
        self._end_after(limited, self.name)

    def drop(self, name: str) -> None:
        """Drop a database, if it is there, with whoever is in it."""
        self.end_sessions(name)
        self.psql.execute(f"DROP DATABASE IF EXISTS {quote_name(name)}", seconds=600)

    def is_used(self, name: str) -> bool:
        return bool(self.psql.query(_SESSIONS.format(quote_text(name))))

    def end_sessions(self, name: str) -> None:
        self._wait_for_end(_OTHERS.format(quote_text(name)), f"sessions on {name}")

    def end_own_sessions(self) -> None:
        """End what a runner that was killed left working in the server."""
        self._wait_for_end(_OWN.format(quote_text(self.psql.label)), "sessions of a killed runner")

    def _end_after(self, statement: str, name: str) -> None:
        if self.psql.execute(statement, _OTHERS.format(quote_text(name))).strip():
            self.end_sessions(name)

    def _wait_for_end(self, query: str, what: str) -> None:
        for _try in range(_TRIES):
            if not self.psql.query(query):
                return
            self._sleep(_NAP_SECONDS)
        raise StepFailed(
            f"{what} do not end", hint="see who it is: SELECT * FROM pg_stat_activity in psql"
        )

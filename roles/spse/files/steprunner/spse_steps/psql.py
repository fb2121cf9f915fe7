"""A PostgreSQL server as its own psql reaches it: by peer authentication, or with a PGPASSFILE.

No password is ever in an argument, and no name of a database in SQL without its quotes.
"""

import json
import os
import time
from typing import IO, Any, Callable, Dict, List, Optional, Union

from spse_steps.commands import Finished
from spse_steps.errors import StepFailed
from spse_steps.plan import DatabaseServer

MAINTENANCE = "postgres"
_AS_JSON = "SELECT coalesce(json_agg(answer), '[]') FROM ({}) AS answer"
_OPTIONS = ("-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1")
_SECONDS = 60
_STARTING_SECONDS = 120
_NAP_SECONDS = 0.5
_NOT_CONNECTED = 2
_STARTING = "the database system is starting up"
_NOT_UP = (_STARTING, "not yet accepting connections", "Is the server running")

# A setting of the site must not cut a long copy short, nor let a power cut take back what is done.
_OPTIONS_OF_SESSION = " ".join(
    (
        "-c statement_timeout=0",
        "-c lock_timeout=0",
        "-c synchronous_commit=on",
        "-c client_min_messages=warning",
    )
)

# commands.run_command with the mark of the step.
RunCommand = Callable[..., Finished]


def quote_name(name: str) -> str:
    """An identifier for SQL."""
    if not name or "\0" in name:
        raise ValueError(f"{name!r} is no name")
    return '"' + name.replace('"', '""') + '"'


def quote_text(text: str) -> str:
    """A literal for SQL, whatever standard_conforming_strings says."""
    if "\0" in text:
        raise ValueError("SQL knows no NUL")
    doubled = text.replace("'", "''")
    return "E'{}'".format(doubled.replace("\\", "\\\\")) if "\\" in text else f"'{doubled}'"


class Psql:
    """Short ways to ask one server.  ``label`` is how its sessions are called there."""

    def __init__(self, server: DatabaseServer, run: RunCommand, label: str) -> None:
        self.server = server
        self.label = label
        self._run = run

    def execute(
        self,
        *statements: str,
        database: str = MAINTENANCE,
        seconds: int = _SECONDS,
        is_one: bool = False,
    ) -> str:
        """Run statements, each by itself or all in one transaction; returns what they print."""
        argv = [self.program("psql"), *_OPTIONS, "--no-password", f"--dbname={_plain(database)}"]
        if is_one:
            argv.append("--single-transaction")
        text = "".join(statement.rstrip(";") + ";\n" for statement in statements)
        ended = self._run_when_up(argv, text.encode(), seconds)
        if ended.rc:
            raise self.failure("psql", ended)
        return ended.stdout

    def query(self, statement: str, *, database: str = MAINTENANCE) -> List[Dict[str, Any]]:
        """The rows of a SELECT."""
        text = self.execute(
            _AS_JSON.format(statement),
            database=database,
        )
        rows = json.loads(text)
        if not isinstance(rows, list):
            raise ValueError("the server did not answer with rows")
        return rows

    def run(
        self,
        argv: List[str],
        *,
        seconds: int,
        stdin: Union[bytes, IO[bytes]] = b"",
        stdout: Optional[IO[bytes]] = None,
    ) -> Finished:
        """Run a program of PostgreSQL that finds the server by its environment."""
        return self._run(
            argv,
            account=self.server.account,
            seconds=seconds,
            environment=_environment(self.server, self.label),
            stdin=stdin,
            stdout=stdout,
        )

    def _run_when_up(self, argv: List[str], stdin: bytes, seconds: int) -> Finished:
        """Run psql, again while the server is starting: after a power cut it takes its time."""
        deadline = time.monotonic() + _STARTING_SECONDS
        while True:
            ended = self.run(argv, stdin=stdin, seconds=seconds)
            is_starting = ended.rc == _NOT_CONNECTED and _STARTING in ended.stderr
            if not is_starting or time.monotonic() > deadline:
                return ended
            time.sleep(_NAP_SECONDS)

    def wait_until_up(self, seconds: float = _STARTING_SECONDS) -> None:
        """Wait for the server, which a boot may not have started yet; StepFailed if in vain."""
        argv = [self.program("psql"), *_OPTIONS, "--no-password", f"--dbname={MAINTENANCE}"]
        deadline = time.monotonic() + seconds
        while True:
            ended = self.run(argv, stdin=b"SELECT 1;\n", seconds=_SECONDS)
            if not any(words in ended.stderr for words in _NOT_UP):
                return
            if time.monotonic() > deadline:
                raise StepFailed(
                    f"the database server is not up: {ended.stderr.strip()}",
                    hint="nothing was changed; start it, then give the same command again",
                )
            time.sleep(_NAP_SECONDS)

    def program(self, name: str) -> str:
        return os.path.join(self.server.programs, name)

    def failure(self, program: str, ended: Finished) -> StepFailed:
        words = ended.stderr.strip() or ended.stdout.strip() or f"exit status {ended.rc}"
        server = self.server
        return StepFailed(
            f"{program}: {words}",
            hint=f"try: runuser -u {server.account} -- psql -U {server.user} -p {server.port} "
            f"-c 'SELECT 1' {MAINTENANCE}",
        )


def _plain(database: str) -> str:
    """A name that psql does not take for a connection string."""
    if "=" in database or "://" in database:
        words = database.replace("\\", "\\\\").replace("'", "\\'")
        return f"dbname='{words}'"
    return database


def _environment(server: DatabaseServer, label: str) -> Dict[str, str]:
    values = {
        "PGPORT": str(server.port),
        "PGUSER": server.user,
        "PGAPPNAME": label,
        "PGCONNECT_TIMEOUT": "10",
        "PGOPTIONS": _OPTIONS_OF_SESSION,
    }
    if server.host:
        values["PGHOST"] = server.host
    if server.passfile:
        values["PGPASSFILE"] = server.passfile
    return values

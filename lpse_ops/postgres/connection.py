"""Connections of our own to a server, and the way other programs get theirs.

A password never stands in an argument list or an environment: programs find it in a private
password file, libpq's own means (``PGPASSFILE``).
"""

import contextlib
import logging
import os
import re
import tempfile
from collections.abc import Iterator, Mapping
from typing import Any

import psycopg
from psycopg import Connection
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from lpse_ops.errors import PostgresError
from lpse_ops.postgres.database import Database

Session = Connection[tuple[Any, ...]]

_CONNECT_SECONDS = 30
# What another program must not inherit: it would change what it writes, or is a secret.
_NOT_INHERITED = ("PGPASSWORD", "PGCLIENTENCODING")
# What libpq or the server says, and what to do about it; the first match counts.
_CONNECT_HINTS = (
    (
        "Connection refused|No such file or directory|Is the server running",
        "is the server running (systemctl status postgresql), and are host and port in the"
        " address right?",
    ),
    (
        'database ".*" does not exist',
        "psql -l lists the databases of the server; correct the name in the address",
    ),
    (
        "password authentication failed|no password supplied",
        "write the password into a file, chmod 600, and name it as password_file,"
        " or add HOST:PORT:NAME:ROLE:PASSWORD to ~/.pgpass",
    ),
    (
        'Peer authentication failed|Ident authentication failed|role ".*" does not exist',
        "over the local socket the account that runs the command needs a role of its name: for"
        " root, sudo -u postgres createuser --superuser root; or name another role, with its"
        " password: postgresql://ROLE@localhost/NAME",
    ),
    ("no pg_hba.conf entry", "add a line for this database, role and host to pg_hba.conf"),
    (
        "definition of service|service file",
        "define the service in ~/.pg_service.conf, or set PGSERVICEFILE",
    ),
    ("resolve host|translate host", "correct the host name in the address, or check the DNS"),
    ("timeout|timed out", "check the network and the firewall between here and the server"),
    (
        "starting up|shutting down|too many clients|remaining connection slots",
        "wait until the server has room, then run the command again",
    ),
)


@contextlib.contextmanager
def open_connection(database: Database, *, autocommit: bool = False) -> Iterator[Session]:
    """Connect; every database error in the block comes out as ``PostgresError``."""
    with database_errors(database.name), _connect(database, autocommit=autocommit) as connection:
        yield connection


def _connect(database: Database, *, autocommit: bool) -> Session:
    given = conninfo_to_dict(database.conninfo)
    given.setdefault("connect_timeout", _CONNECT_SECONDS)
    given.setdefault("application_name", "lpse-ops")
    if database.password is not None:
        given["password"] = database.password
    logger = logging.getLogger("psycopg")
    if not logger.handlers:
        # What goes wrong is in our own errors; it would print, too, what it ignores.
        logger.addHandler(logging.NullHandler())
    try:
        return psycopg.connect(make_conninfo("", **given), autocommit=autocommit)
    except psycopg.Error as error:
        raise explain_refusal(database, str(error)) from error


def explain_refusal(database: Database, text: str) -> PostgresError:
    """Say why no connection came about, from the text of libpq's error."""
    reason = " ".join(text.split())
    hint = next(
        (hint for pattern, hint in _CONNECT_HINTS if re.search(pattern, reason)),
        f'psql "{database.conninfo}" says more',
    )
    return PostgresError(f"cannot connect to database {database.name}: {reason}", hint=hint)


def pinned_to(database: Database, connection: Session) -> Database:
    """The database at the very server, and as the very user, of a connection."""
    info = connection.info
    return database.pinned(info.host, info.port, info.user)


@contextlib.contextmanager
def open_environment(database: Database) -> Iterator[Mapping[str, str]]:
    """The environment for a program that connects; a private password file lives as long."""
    environment = {name: value for name, value in os.environ.items() if name not in _NOT_INHERITED}
    # Programs shall say what is wrong in the language of our own messages.
    environment["LC_ALL"] = "C"
    password = database.password or os.environ.get("PGPASSWORD")
    if password is None:
        yield environment
        return
    with tempfile.NamedTemporaryFile("w", encoding="utf-8", prefix="lpse-ops-") as passfile:
        # NamedTemporaryFile makes it 0600; libpq ignores it otherwise.
        passfile.write(f"*:*:*:*:{_escaped(password)}\n")
        passfile.flush()
        yield environment | {"PGPASSFILE": passfile.name}


def _escaped(password: str) -> str:
    if set(password) & set("\r\n\0"):
        raise PostgresError(
            "the database password holds a line break, which a password file cannot",
            hint="ALTER ROLE name PASSWORD 'another one'",
        )
    return re.sub(r"([\\:])", r"\\\1", password)


@contextlib.contextmanager
def database_errors(name: str) -> Iterator[None]:
    """Turn what the server says into ``PostgresError``."""
    try:
        yield
    except psycopg.errors.InsufficientPrivilege as error:
        raise PostgresError(
            f"{name}: {_first_line(error)}",
            hint="connect as the owner of the database or as a superuser",
        ) from error
    except psycopg.OperationalError as error:
        raise PostgresError(
            f"{name}: the connection broke: {_first_line(error)}",
            hint="see the server's log (journalctl -u postgresql) for why it ended the session",
        ) from error
    except psycopg.Error as error:
        raise PostgresError(
            f"{name}: {_first_line(error)}", hint="see the server's log for the whole message"
        ) from error


def _first_line(error: psycopg.Error) -> str:
    primary = error.diag.message_primary or str(error)
    return primary.strip().partition("\n")[0]

"""A database as seen from another machine: where its server listens there, and how it is reached
here, once the connection is carried to a Unix socket of this machine.

Variables such as ``PGHOST`` are this machine's, and say nothing about the other one.
"""

from dataclasses import dataclass, replace
from typing import Any

from psycopg.conninfo import conninfo_to_dict, make_conninfo

from lpse_ops.errors import PostgresError
from lpse_ops.postgres.database import Database

# What packages and sources of PostgreSQL take when nobody says anything.
_FOLDERS = ("/var/run/postgresql", "/tmp")  # noqa: S108 - of sockets, not of files
_PORT = "5432"
_LOOPBACK = ("localhost", "127.", "::1")
# They ask for encryption up to the server, which a Unix socket has not.
_ENCRYPTED = {"sslmode": ("require", "verify-ca", "verify-full"), "gssencmode": ("require",)}
SOCKET_NAME = f".s.PGSQL.{_PORT}"


@dataclass(frozen=True)
class ServerAddress:
    """Where a server listens: paths of Unix sockets, the first that is there, or ``HOST:PORT``."""

    addresses: tuple[str, ...]
    is_local: bool = True


def server_address(database: Database) -> ServerAddress:
    """Where its server is, seen from its own machine."""
    given = conninfo_to_dict(database.conninfo)
    host = str(given.get("hostaddr") or given.get("host") or "")
    port = str(given.get("port") or _PORT)
    _refuse_what_cannot_be(database, given, host, port)
    if host and not host.startswith(("/", "@")):
        return ServerAddress((f"{host}:{port}",), host.startswith(_LOOPBACK))
    folders = (host,) if host else _FOLDERS
    return ServerAddress(tuple(f"{folder}/.s.PGSQL.{port}" for folder in folders))


def named_role(database: Database) -> str:
    """The role that the address names; empty when it leaves that to the account."""
    return str(conninfo_to_dict(database.conninfo).get("user") or "")


def carried_to(database: Database, folder: str, role: str) -> Database:
    """The same database through the socket ``SOCKET_NAME`` in a folder of this machine."""
    given: dict[str, Any] = conninfo_to_dict(database.conninfo)
    given |= {"host": folder, "port": _PORT, "user": role}
    # Empty, and not left out: PGHOSTADDR would count.
    given["hostaddr"] = ""
    return replace(database, conninfo=make_conninfo("", **given))


def _refuse_what_cannot_be(database: Database, given: dict[str, Any], host: str, port: str) -> None:
    if given.get("service"):
        raise PostgresError(
            f"the address of database {database.name} names a service, which only its own machine"
            " could look up",
            hint="write host, port and user: postgresql://USER@127.0.0.1:5432/NAME",
        )
    if "," in host or not port.isdigit():
        raise PostgresError(
            f"the address of database {database.name} names several servers",
            hint="name the one to dump: postgresql://USER@127.0.0.1:5432/NAME",
        )
    asked = next((key for key, words in _ENCRYPTED.items() if given.get(key) in words), None)
    if asked and host and not host.startswith("/"):
        raise PostgresError(
            f"database {database.name} asks for {asked}={given[asked]}, which cannot be had over"
            " the connection to its machine",
            hint=f"that connection is encrypted as far as the machine: leave {asked} out, or back"
            " up the database server itself: --host",
        )

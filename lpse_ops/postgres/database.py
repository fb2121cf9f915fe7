"""Which database is meant and how it is reached, with the password kept apart.

The address is libpq's own, so ``.pgpass``, service files and ``PG*`` variables work as they do
for ``psql``.
"""

import stat
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Self

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from lpse_ops.errors import PostgresError

# Parameters that must not reach an argument list; libpq has no other way to hand them on than a
# service file, except for the password.
_OTHER_SECRETS = ("sslpassword", "oauth_client_secret", "scram_client_key", "scram_server_key")


@dataclass(frozen=True)
class Database:
    """One database: ``name``, and ``conninfo`` in libpq's notation, which holds no secret."""

    name: str
    conninfo: str
    password: str | None = field(default=None, repr=False)

    def named(self, name: str) -> Self:
        """Another database on the same server, reached in the same way."""
        return replace(self, name=name, conninfo=make_conninfo(self.conninfo, dbname=name))

    def pinned(self, host: str, port: int, user: str) -> Self:
        """The same database, for programs that must reach the very server that we reached."""
        conninfo = make_conninfo(self.conninfo, host=host or None, port=port, user=user)
        return replace(self, conninfo=conninfo)


def parse_database(url: str, *, password_file: Path | None = None) -> Database:
    """Parse ``postgresql://...`` or ``host=... dbname=...``; the password comes out at once.

    ``password_file`` holds the password instead, on its first line.
    """
    parameters = _parse_conninfo(url)
    password = parameters.pop("password", "") or None
    if password_file is not None:
        password = load_password(password_file)
    name = parameters.get("dbname")
    if not name:
        raise PostgresError(
            "the address of a database does not name the database",
            hint="write postgresql:///NAME, or postgresql:///NAME?service=SERVICE",
        )
    if password is not None:
        # Else it would win over the password given here.
        parameters.pop("passfile", None)
    return Database(name, make_conninfo("", **parameters), password)


def _parse_conninfo(url: str) -> dict[str, str]:
    try:
        parsed = conninfo_to_dict(url)
    except psycopg.Error:
        # libpq quotes the part that it does not like, which may be the password.
        raise PostgresError(
            "the address of a database cannot be understood",
            hint="write postgresql://USER@HOST:5432/NAME, special characters as %XX",
        ) from None
    parameters = {key: str(value) for key, value in parsed.items() if value is not None}
    for secret in _OTHER_SECRETS:
        if secret in parameters:
            raise PostgresError(
                f"{secret} may not stand in the address of a database",
                hint=f"put {secret} into ~/.pg_service.conf and write service=NAME",
            )
    return parameters


def load_password(path: Path) -> str:
    """Load a password from a file that nobody else may read."""
    try:
        mode = path.stat().st_mode
        content = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise PostgresError(
            f"cannot read the password file {path}: {reason}",
            hint=f"write the database password into {path}, then chmod 600 {path}",
        ) from None
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise PostgresError(
            f"{path} holds a password and others may read it", hint=f"chmod 600 {path}"
        )
    return content.partition("\n")[0].removesuffix("\r")

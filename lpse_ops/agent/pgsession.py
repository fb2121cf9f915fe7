"""What the modules for PostgreSQL share: how to log in, and statements one after another.

Runs on the managed host: standard library and ``lpse_ops.agent`` only, Python 3.6.
"""

import contextlib
import re
from typing import Any, Dict, Iterator, List, Optional, Tuple

from lpse_ops.agent.context import Failed
from lpse_ops.agent.libpq import Answer, Connection, DatabaseError, LibraryMissing
from lpse_ops.agent.pgquoting import QuotingError, Values, fill, identifier, literal
from lpse_ops.agent.pgvalues import convert

_SSL_MODES = ["allow", "disable", "prefer", "require", "verify-ca", "verify-full"]
LOGIN_ARGUMENTS: Dict[str, Dict[str, Any]] = {
    "login_user": {
        "type": "str",
        "default": "postgres",
        "aliases": ["login"],
        "environment": "PGUSER",
    },
    "login_password": {"type": "str", "default": "", "no_log": True},
    "login_host": {"type": "str", "default": "", "aliases": ["host"]},
    "login_unix_socket": {"type": "str", "default": "", "aliases": ["unix_socket"]},
    "login_port": {"type": "int", "default": 5432, "aliases": ["port"], "environment": "PGPORT"},
    "ssl_mode": {"type": "str", "default": "prefer", "choices": _SSL_MODES},
    "ca_cert": {"type": "str", "aliases": ["ssl_rootcert"]},
    "ssl_cert": {"type": "path"},
    "ssl_key": {"type": "path"},
    "connect_params": {"type": "dict", "default": {}},
    "trust_input": {"type": "bool", "default": True},
}
SESSION_ARGUMENTS: Dict[str, Dict[str, Any]] = dict(LOGIN_ARGUMENTS, session_role={"type": "str"})
NO_DATABASE = "Database name has not been passed, used default database to connect to."
# Argument -> keyword of libpq.
_KEYWORDS = {
    "login_host": "host",
    "login_user": "user",
    "login_password": "password",
    "login_port": "port",
    "ssl_mode": "sslmode",
    "ca_cert": "sslrootcert",
    "ssl_cert": "sslcert",
    "ssl_key": "sslkey",
}
# What ``trust_input: false`` refuses, although nothing here depends on it: all is quoted.
_DANGERS = (
    re.compile(r"['\"].*--"),
    re.compile(r"(UNION|INTERSECT|EXCEPT).*SELECT", re.IGNORECASE),
    re.compile(r";.*(SELECT|UPDATE|INSERT|DELETE|DROP|TRUNCATE|ALTER)", re.IGNORECASE),
)


class Session:
    """Statements on a connection; what changes something is written down in ``executed``.

    Unless it commits by itself, everything is one transaction.
    """

    def __init__(self, connection: Connection, *, autocommit: bool) -> None:
        self.connection = connection
        self.executed: List[str] = []
        self._autocommit = autocommit

    @property
    def version(self) -> int:
        """The server's, as 150004."""
        return self.connection.server_version

    def run(self, sql: str) -> Answer:
        """Run SQL; of several statements the answer is the first one's."""
        if not self._autocommit and not self.connection.is_in_transaction():
            self.connection.execute("BEGIN")
        answers = self.connection.execute(sql)
        return answers[0] if answers else Answer("", -1, [], [])

    def change(self, sql: str, shown: Optional[str] = None) -> None:
        """Run SQL that changes something; ``shown`` is written down in its place.

        Then errors show nothing of the SQL either: a part of it would be a secret.
        """
        self.executed.append(sql if shown is None else shown)
        try:
            self.run(sql)
        except DatabaseError as error:
            if shown is None:
                raise
            raise DatabaseError(error.primary, error.sqlstate) from None

    def rows(self, sql: str, values: Values = None) -> List[Dict[str, Any]]:
        """The rows of a query, whose places ``%s`` and ``%(name)s`` take values."""
        return rows_of(self.run(fill(sql, values)))

    def row(self, sql: str, values: Values = None) -> Optional[Dict[str, Any]]:
        """The first row, if there is one."""
        found = self.rows(sql, values)
        return found[0] if found else None

    def end(self, *, keep: bool) -> None:
        """Commit the transaction, or undo all of it."""
        if self.connection.is_in_transaction():
            self.connection.execute("COMMIT" if keep else "ROLLBACK")


def rows_of(answer: Answer) -> List[Dict[str, Any]]:
    """Rows by the names of their columns, with values as JSON has them."""
    return [
        {column.name: convert(text, column.kind) for column, text in zip(answer.columns, row)}
        for row in answer.rows
    ]


def connection_parameters(args: Dict[str, Any], database: Optional[str]) -> Dict[str, str]:
    """libpq's keywords for the arguments of a module."""
    parameters = {
        keyword: str(args[name])
        for name, keyword in _KEYWORDS.items()
        if args.get(name) not in ("", None)
    }
    if database:
        parameters["dbname"] = database
    if parameters.get("host", "localhost") == "localhost" and args["login_unix_socket"]:
        parameters["host"] = args["login_unix_socket"]
    parameters.update({name: str(value) for name, value in args["connect_params"].items()})
    return parameters


def connect(args: Dict[str, Any], database: Optional[str], **more: str) -> Connection:
    """A connection as Ansible's modules have it; raises ``DatabaseError``."""
    try:
        connection = Connection(dict(connection_parameters(args, database), **more))
    except LibraryMissing as error:
        raise Failed(str(error)) from error
    try:
        if args.get("session_role"):
            _switch_role(connection, args["session_role"])
        connection.execute("SET datestyle TO iso; SET intervalstyle TO postgres")
    except BaseException:
        connection.close()
        raise
    return connection


@contextlib.contextmanager
def open_session(
    args: Dict[str, Any], database: Optional[str], *, autocommit: bool = False, **more: str
) -> Iterator[Session]:
    """A session for a block; what the block does not ``end`` is undone.

    ``Failed`` if there is no connection; a ``DatabaseError`` in the block is the block's own.
    """
    try:
        connection = connect(args, database, **more)
    except DatabaseError as error:
        raise Failed(f"unable to connect to database: {error}") from error
    try:
        yield Session(connection, autocommit=autocommit)
    finally:
        connection.close()


@contextlib.contextmanager
def failing_as(template: str) -> Iterator[None]:
    """Errors of the database in a block fail the task; ``{}`` in the template is what it said."""
    try:
        yield
    except (DatabaseError, QuotingError) as error:
        raise Failed(template.replace("{}", str(error))) from error


def refuse_dangerous(args: Dict[str, Any], *names: str) -> None:
    """What ``trust_input: false`` asks for: fail if an argument looks like more than a value."""
    if args["trust_input"]:
        return
    found = [text for name in names for text in _texts(args[name]) if is_dangerous(text)]
    if found:
        raise Failed("Passed input '{}' is potentially dangerous".format(", ".join(found)))


def is_dangerous(text: str) -> bool:
    return any(pattern.search(text) for pattern in _DANGERS)


def comment_statement(kind: str, name: str, comment: str) -> str:
    return f"COMMENT ON {kind} {identifier(name)} IS {literal(comment)}"


def _texts(value: Any) -> List[str]:
    if isinstance(value, dict):
        pairs: List[Tuple[Any, Any]] = list(value.items())
        return [text for pair in pairs for each in pair for text in _texts(each)]
    if isinstance(value, (list, tuple)):
        return [text for each in value for text in _texts(each)]
    return [] if value is None or isinstance(value, bool) else [str(value)]


def _switch_role(connection: Connection, role: str) -> None:
    try:
        connection.execute(f"SET ROLE {identifier(role)}")
    except DatabaseError as error:
        raise Failed(f"Could not switch role: {error}") from error

"""A connection to PostgreSQL by libpq, the library that ``psql`` itself is made of.

No driver is asked for: wherever ``psql`` runs, its library is.  Unlike ``psql`` it gives rows with
their types and NULLs, the server's own errors, and one transaction around what is read and what
is done; a password stays in memory, neither in an argument list nor in the environment.

Runs on the managed host: standard library and ``lpse_ops.agent`` only, Python 3.6.
"""

import contextlib
import ctypes
import glob
from typing import Any, Dict, Iterator, List, Mapping, NamedTuple, Optional

_NAME = "libpq.so.5"
# Where packages of PostgreSQL's own repositories keep it.
_ELSEWHERE = ("/usr/pgsql-*/lib/", "/usr/lib/postgresql/*/lib/", "/usr/local/pgsql/lib/")

_Pointer = ctypes.c_void_p
_Text = ctypes.c_char_p
_Number = ctypes.c_int
_Texts = ctypes.POINTER(ctypes.c_char_p)
_SIGNATURES: Dict[str, Any] = {
    "PQconnectdbParams": (_Pointer, [_Texts, _Texts, _Number]),
    "PQstatus": (_Number, [_Pointer]),
    "PQerrorMessage": (_Text, [_Pointer]),
    "PQfinish": (None, [_Pointer]),
    "PQserverVersion": (_Number, [_Pointer]),
    "PQparameterStatus": (_Text, [_Pointer, _Text]),
    "PQsetClientEncoding": (_Number, [_Pointer, _Text]),
    "PQsetNoticeProcessor": (_Pointer, [_Pointer, _Pointer, _Pointer]),
    "PQtransactionStatus": (_Number, [_Pointer]),
    "PQsendQuery": (_Number, [_Pointer, _Text]),
    "PQgetResult": (_Pointer, [_Pointer]),
    "PQresultStatus": (_Number, [_Pointer]),
    "PQresultErrorMessage": (_Text, [_Pointer]),
    "PQresultErrorField": (_Text, [_Pointer, _Number]),
    "PQcmdStatus": (_Text, [_Pointer]),
    "PQcmdTuples": (_Text, [_Pointer]),
    "PQntuples": (_Number, [_Pointer]),
    "PQnfields": (_Number, [_Pointer]),
    "PQfname": (_Text, [_Pointer, _Number]),
    "PQftype": (ctypes.c_uint, [_Pointer, _Number]),
    "PQgetisnull": (_Number, [_Pointer, _Number, _Number]),
    "PQgetvalue": (_Text, [_Pointer, _Number, _Number]),
    "PQclear": (None, [_Pointer]),
    "PQencryptPasswordConn": (_Pointer, [_Pointer, _Text, _Text, _Text]),
    "PQfreemem": (None, [_Pointer]),
}
_NOTICE = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_char_p)
# Kinds of results: libpq-fe.h.
_IS_FINE = (0, 1, 2, 9)
_HAS_ROWS = (2, 9)
_IS_COPY = (3, 4, 8)
_SQLSTATE = ord("C")
_PRIMARY = ord("M")
_IDLE = 0


class LibraryMissing(Exception):
    """There is no libpq that Python can load."""


class DatabaseError(Exception):
    """The server refused a connection or a statement; ``str`` is what it said, without level.

    ``primary`` is its first line only.
    """

    def __init__(self, text: str, sqlstate: str = "", primary: str = "") -> None:
        super().__init__(text)
        self.sqlstate = sqlstate
        self.primary = primary or text


class Column(NamedTuple):
    name: str
    kind: int


class Answer(NamedTuple):
    """What one statement gave; ``rowcount`` is -1 where it makes no sense."""

    status: str
    rowcount: int
    columns: List[Column]
    rows: List[List[Optional[str]]]


class Connection:
    """An open connection; who made it closes it."""

    def __init__(self, parameters: Mapping[str, str]) -> None:
        """Connect with libpq's own keywords; raise ``DatabaseError`` or ``LibraryMissing``."""
        self._library = _load()
        self._ignore = _NOTICE(lambda _argument, _message: None)
        names = _texts([*parameters])
        values = _texts([*parameters.values()])
        self._handle: Optional[int] = self._library.PQconnectdbParams(names, values, 0)
        if self._library.PQstatus(self._handle):
            text = decode(self._library.PQerrorMessage(self._handle)).strip()
            self.close()
            raise DatabaseError(text)
        # Without this it would write to the agent's own stderr.
        ignore = ctypes.cast(self._ignore, ctypes.c_void_p)
        self._library.PQsetNoticeProcessor(self._handle, ignore, None)
        # What a database without an encoding holds is passed as it is.
        if self.setting("client_encoding") != "SQL_ASCII":
            self._library.PQsetClientEncoding(self._handle, b"UTF8")
        self.server_version: int = self._library.PQserverVersion(self._handle)

    def setting(self, name: str) -> Optional[str]:
        """One of the few settings that the server tells of by itself."""
        value = self._library.PQparameterStatus(self._handle, encode(name))
        return None if value is None else decode(value)

    def is_in_transaction(self) -> bool:
        return bool(self._library.PQtransactionStatus(self._handle) != _IDLE)

    def execute(self, sql: str) -> List[Answer]:
        """Run SQL, which may be several statements; ``DatabaseError`` for the first that fails."""
        if not self._library.PQsendQuery(self._handle, encode(sql)):
            raise self._problem()
        with contextlib.ExitStack() as rest:
            # Whatever happens, the next statement finds a connection that waits for one.
            rest.callback(self._drain)
            return list(self._answers())

    def hash_password(self, password: str, role: str) -> str:
        """The password as the server keeps it, made here: it never sees the password itself."""
        made = self._library.PQencryptPasswordConn(
            self._handle, encode(password), encode(role), None
        )
        if not made:
            raise self._problem()
        try:
            return decode(ctypes.string_at(made))
        finally:
            self._library.PQfreemem(made)

    def close(self) -> None:
        """End the connection; what was not committed is as if it had never been."""
        handle, self._handle = self._handle, None
        if handle:
            self._library.PQfinish(handle)

    def _answers(self) -> Iterator[Answer]:
        while True:
            result = self._library.PQgetResult(self._handle)
            if not result:
                return
            try:
                yield self._read(result)
            finally:
                self._library.PQclear(result)

    def _read(self, result: int) -> Answer:
        library = self._library
        kind = library.PQresultStatus(result)
        if kind in _IS_COPY:
            # Nobody is there who would send or take the rows.
            self.close()
            raise DatabaseError("COPY from or to the client cannot be used here")
        if kind not in _IS_FINE:
            raise DatabaseError(
                without_level(decode(library.PQresultErrorMessage(result))),
                decode(library.PQresultErrorField(result, _SQLSTATE) or b""),
                decode(library.PQresultErrorField(result, _PRIMARY) or b""),
            )
        width = library.PQnfields(result) if kind in _HAS_ROWS else 0
        columns = [
            Column(decode(library.PQfname(result, place)), library.PQftype(result, place))
            for place in range(width)
        ]
        rows = [
            [self._value(result, row, place) for place in range(width)]
            for row in range(library.PQntuples(result))
        ]
        count = decode(library.PQcmdTuples(result))
        rowcount = int(count) if count else len(rows) if kind in _HAS_ROWS else -1
        return Answer(decode(library.PQcmdStatus(result)), rowcount, columns, rows)

    def _value(self, result: int, row: int, place: int) -> Optional[str]:
        if self._library.PQgetisnull(result, row, place):
            return None
        return decode(self._library.PQgetvalue(result, row, place))

    def _drain(self) -> None:
        while self._handle:
            result = self._library.PQgetResult(self._handle)
            if not result:
                return
            kind = self._library.PQresultStatus(result)
            self._library.PQclear(result)
            if kind in _IS_COPY:
                self.close()

    def _problem(self) -> DatabaseError:
        return DatabaseError(without_level(decode(self._library.PQerrorMessage(self._handle))))


def without_level(text: str) -> str:
    """The server's words without the first, ``ERROR:`` or its like in another language."""
    _, colon, rest = text.partition(":")
    return (rest if colon else text).strip()


def encode(text: str) -> bytes:
    """Text for the library, which would stop reading at a NUL."""
    if "\0" in text:
        raise DatabaseError("PostgreSQL text fields cannot contain NUL (0x00) bytes")
    return text.encode("utf-8", "surrogateescape")


def decode(data: bytes) -> str:
    """Bytes as text from which the same bytes can be made again."""
    return data.decode("utf-8", "surrogateescape")


def _texts(values: List[str]) -> Any:
    kind = ctypes.c_char_p * (len(values) + 1)
    return kind(*(encode(value) for value in values), None)


def _load() -> Any:
    paths = [path for folder in _ELSEWHERE for path in sorted(glob.glob(folder + _NAME))]
    for path in [_NAME, *reversed(paths)]:
        try:
            library: Any = ctypes.CDLL(path)
        except OSError:
            continue
        for name, (returned, taken) in _SIGNATURES.items():
            function = getattr(library, name)
            function.restype, function.argtypes = returned, taken
        return library
    raise LibraryMissing(
        f"cannot load {_NAME}: install postgresql-client (Debian) or libpq (AlmaLinux)"
    )

"""What belongs to a database as a whole and not to anything in it.

``pg_restore`` into a database of another name leaves all of this out, and a dump of the globals
does not hold it either: owner, privileges, settings, locale, connection limit, comment.
"""

import csv
from collections.abc import Iterator
from dataclasses import dataclass

from psycopg import sql

from lpse_ops.errors import PostgresError
from lpse_ops.postgres.connection import Session

_PRIVILEGES = {
    "CREATE": sql.SQL("CREATE"),
    "CONNECT": sql.SQL("CONNECT"),
    "TEMPORARY": sql.SQL("TEMPORARY"),
}
# The settings that PostgreSQL keeps as a list of quoted names (GUC_LIST_QUOTE), as in pg_dump.
_LISTS = {
    "local_preload_libraries",
    "search_path",
    "session_preload_libraries",
    "shared_preload_libraries",
    "temp_tablespaces",
    "unix_socket_directories",
}
_PROVIDERS = {"c": "libc", "i": "icu", "b": "builtin"}


@dataclass(frozen=True)
class Locale:
    """How text is stored and sorted; ``name`` only with the providers icu and builtin."""

    encoding: str
    collate: str
    ctype: str
    provider: str = "libc"
    name: str | None = None


@dataclass(frozen=True)
class DatabaseGrant:
    """A privilege on the database; an empty ``grantee`` is PUBLIC."""

    privilege: str
    grantee: str
    grantor: str
    grantable: bool


@dataclass(frozen=True)
class DatabaseSetting:
    """``ALTER DATABASE ... SET``, for one role only when ``role`` is given."""

    name: str
    value: str
    role: str | None = None


@dataclass(frozen=True)
class DatabaseProperties:
    """``grants`` is None while nobody ever granted or revoked anything."""

    owner: str
    locale: Locale
    tablespace: str
    connection_limit: int
    comment: str | None
    grants: tuple[DatabaseGrant, ...] | None
    settings: tuple[DatabaseSetting, ...]


# to_jsonb: the columns differ from version to version.
_READ_DATABASE = """
SELECT to_jsonb(d), pg_get_userbyid(datdba), pg_encoding_to_char(encoding), spcname,
       shobj_description(d.oid, 'pg_database')
FROM pg_database d JOIN pg_tablespace t ON t.oid = dattablespace
WHERE datname = %s
"""
_READ_GRANTS = """
SELECT privilege_type, CASE grantee WHEN 0 THEN '' ELSE pg_get_userbyid(grantee) END,
       pg_get_userbyid(grantor), is_grantable
FROM pg_database, aclexplode(datacl)
WHERE datname = %s
"""
_READ_SETTINGS = """
SELECT setconfig, rolname
FROM pg_db_role_setting JOIN pg_database d ON d.oid = setdatabase
     LEFT JOIN pg_roles r ON r.oid = setrole
WHERE datname = %s
ORDER BY rolname NULLS FIRST
"""


def read_properties(session: Session, name: str) -> DatabaseProperties | None:
    """Read the properties of a database of the server; None when there is none of this name."""
    row = session.execute(_READ_DATABASE, [name]).fetchone()
    if row is None:
        return None
    columns, owner, encoding, tablespace, comment = row
    grants = session.execute(_READ_GRANTS, [name]).fetchall()
    return DatabaseProperties(
        owner,
        Locale(
            encoding,
            columns["datcollate"],
            columns["datctype"],
            _PROVIDERS[columns.get("datlocprovider", "c")],
            columns.get("datlocale") or columns.get("daticulocale"),
        ),
        tablespace,
        columns["datconnlimit"],
        comment,
        None if columns["datacl"] is None else tuple(DatabaseGrant(*grant) for grant in grants),
        tuple(_read_settings(session, name)),
    )


def _read_settings(session: Session, name: str) -> Iterator[DatabaseSetting]:
    for settings, role in session.execute(_READ_SETTINGS, [name]):
        for setting in settings:
            key, _, value = setting.partition("=")
            yield DatabaseSetting(key, value, role)


def plan_creation(name: str, locale: Locale | None, tablespace: str | None) -> sql.Composed:
    """``CREATE DATABASE`` from template0; without ``locale`` as the server does it."""
    parts = [sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(sql.Identifier(name))]
    if locale:
        parts += _plan_locale(locale)
    if tablespace:
        parts.append(sql.SQL("TABLESPACE {}").format(sql.Identifier(tablespace)))
    return sql.SQL(" ").join(parts)


def _plan_locale(locale: Locale) -> Iterator[sql.Composed]:
    yield sql.SQL("ENCODING {} LC_COLLATE {} LC_CTYPE {}").format(
        sql.Literal(locale.encoding), sql.Literal(locale.collate), sql.Literal(locale.ctype)
    )
    # Servers before 15 know libc alone and not the word.
    if locale.provider == "icu":
        yield sql.SQL("LOCALE_PROVIDER icu ICU_LOCALE {}").format(sql.Literal(locale.name))
    elif locale.provider == "builtin":
        yield sql.SQL("LOCALE_PROVIDER builtin BUILTIN_LOCALE {}").format(sql.Literal(locale.name))


def plan_properties(name: str, properties: DatabaseProperties) -> list[sql.Composed]:
    """The statements that give a new database everything but its locale, in their order."""
    database = sql.Identifier(name)
    statements = [
        sql.SQL("ALTER DATABASE {} OWNER TO {}").format(database, sql.Identifier(properties.owner)),
        sql.SQL("ALTER DATABASE {} CONNECTION LIMIT {}").format(
            database, sql.Literal(properties.connection_limit)
        ),
        sql.SQL("COMMENT ON DATABASE {} IS {}").format(database, sql.Literal(properties.comment)),
    ]
    if properties.grants is not None:
        statements += _plan_grants(database, properties.owner, properties.grants)
    return statements + [_plan_setting(database, setting) for setting in properties.settings]


def _plan_grants(
    database: sql.Identifier, owner: str, grants: tuple[DatabaseGrant, ...]
) -> Iterator[sql.Composed]:
    for grantee in (sql.SQL("PUBLIC"), sql.Identifier(owner)):
        yield sql.SQL("REVOKE ALL ON DATABASE {} FROM {}").format(database, grantee)
    # What the owner granted comes first: the others grant what they got from there.
    for grant in sorted(grants, key=lambda grant: grant.grantor != owner):
        if grant.grantor != owner:
            yield sql.SQL("SET LOCAL ROLE {}").format(sql.Identifier(grant.grantor))
        yield _plan_grant(database, grant)
        if grant.grantor != owner:
            yield sql.SQL("RESET ROLE").format()


def _plan_grant(database: sql.Identifier, grant: DatabaseGrant) -> sql.Composed:
    if grant.privilege not in _PRIVILEGES:
        raise PostgresError(
            f"unknown privilege {grant.privilege} on a database",
            hint="restore with a version of lpse-ops that knows this version of PostgreSQL",
        )
    return sql.SQL("GRANT {} ON DATABASE {} TO {}{}").format(
        _PRIVILEGES[grant.privilege],
        database,
        sql.Identifier(grant.grantee) if grant.grantee else sql.SQL("PUBLIC"),
        sql.SQL(" WITH GRANT OPTION" if grant.grantable else ""),
    )


def _plan_setting(database: sql.Identifier, setting: DatabaseSetting) -> sql.Composed:
    target = sql.SQL("DATABASE {}").format(database)
    if setting.role is not None:
        target = sql.SQL("ROLE {} IN {}").format(sql.Identifier(setting.role), target)
    values = [setting.value]
    if setting.name.lower() in _LISTS:
        values = next(csv.reader([setting.value], skipinitialspace=True), [""])
    return sql.SQL("ALTER {} SET {} TO {}").format(
        target,
        sql.Identifier(*setting.name.split(".")),
        sql.SQL(", ").join(map(sql.Literal, values)),
    )

"""What belongs to a database as a whole: neither CREATE DATABASE nor pg_restore carries it over."""

import csv
from typing import Any, Dict, List

from spse_steps.psql import Psql, quote_name, quote_text

# The settings that PostgreSQL keeps as a list of quoted names (GUC_LIST_QUOTE), as in pg_dump.
_LISTS = {
    "local_preload_libraries",
    "search_path",
    "session_preload_libraries",
    "shared_preload_libraries",
    "temp_tablespaces",
    "unix_socket_directories",
}
_PRIVILEGES = ("CREATE", "CONNECT", "TEMPORARY")
_PROVIDERS = {"c": "libc", "i": "icu", "b": "builtin"}
# to_json: the columns differ from version to version.  One question: each costs a process.
_DATABASE = """
SELECT to_json(d) AS columns, pg_get_userbyid(datdba) AS owner, spcname AS tablespace,
       pg_encoding_to_char(encoding) AS encoding, pg_database_size(d.oid) AS size_bytes,
       current_setting('server_version_num')::int AS version,
       shobj_description(d.oid, 'pg_database') AS comment,
       (SELECT json_agg(g) FROM (
           SELECT privilege_type AS privilege, is_grantable AS grantable,
                  CASE grantee WHEN 0 THEN '' ELSE pg_get_userbyid(grantee) END AS grantee
           FROM aclexplode(d.datacl)) g) AS grants,
       (SELECT coalesce(json_agg(s), '[]') FROM (
           SELECT setting, rolname AS role
           FROM pg_db_role_setting LEFT JOIN pg_roles r ON r.oid = setrole,
                unnest(setconfig) setting
           WHERE setdatabase = d.oid ORDER BY 2 NULLS FIRST, 1) s) AS settings
FROM pg_database d JOIN pg_tablespace t ON t.oid = dattablespace WHERE datname = {}
"""


def read_properties(psql: Psql, name: str) -> Dict[str, Any]:
    """All there is to say of a database, as JSON; LookupError if there is none, StepFailed."""
    rows = psql.query(_DATABASE.format(quote_text(name)))
    if not rows:
        raise LookupError(f"there is no database {name}")
    properties = rows[0]
    if properties["columns"]["datacl"] is not None:
        # Everything may have been revoked.
        properties["grants"] = properties["grants"] or []
    return properties


def plan_creation(name: str, properties: Dict[str, Any]) -> str:
    """``CREATE DATABASE`` for a restore: from template0, storing and sorting text as before."""
    columns = properties["columns"]
    parts = [
        f"CREATE DATABASE {quote_name(name)} TEMPLATE template0",
        f"ENCODING {quote_text(properties['encoding'])}",
        f"LC_COLLATE {quote_text(columns['datcollate'])}",
        f"LC_CTYPE {quote_text(columns['datctype'])}",
        f"TABLESPACE {quote_name(properties['tablespace'])}",
    ]
    provider = _PROVIDERS[columns.get("datlocprovider", "c")]
    locale = columns.get("datlocale") or columns.get("daticulocale")
    # Servers before 15 know libc alone and not the word.
    if provider != "libc" and locale:
        word = "ICU_LOCALE" if provider == "icu" else "BUILTIN_LOCALE"
        parts.append(f"LOCALE_PROVIDER {provider} {word} {quote_text(locale)}")
    return " ".join(parts)


def plan_properties(name: str, properties: Dict[str, Any]) -> List[str]:
    """The statements that make a new database like the one that was read."""
    database = quote_name(name)
    owner = quote_name(properties["owner"])
    limit = int(properties["columns"]["datconnlimit"])
    comment = properties["comment"]
    statements = [
        f"ALTER DATABASE {database} OWNER TO {owner}",
        f"ALTER DATABASE {database} CONNECTION LIMIT {max(limit, -1)}",
    ]
    if comment is not None:
        statements.append(f"COMMENT ON DATABASE {database} IS {quote_text(comment)}")
    if properties["grants"] is not None:
        statements += [f"REVOKE ALL ON DATABASE {database} FROM {who}" for who in ("PUBLIC", owner)]
        statements += [_plan_grant(database, grant) for grant in properties["grants"]]
    return statements + [_plan_setting(database, each) for each in properties["settings"]]


def _plan_grant(database: str, grant: Dict[str, Any]) -> str:
    privilege = grant["privilege"]
    if privilege not in _PRIVILEGES:
        raise ValueError(f"unknown privilege {privilege!r} on a database")
    who = quote_name(grant["grantee"]) if grant["grantee"] else "PUBLIC"
    option = " WITH GRANT OPTION" if grant["grantable"] else ""
    return f"GRANT {privilege} ON DATABASE {database} TO {who}{option}"


def _plan_setting(database: str, setting: Dict[str, Any]) -> str:
    name, _, value = setting["setting"].partition("=")
    target = f"DATABASE {database}"
    if setting["role"] is not None:
        target = f"ROLE {quote_name(setting['role'])} IN {target}"
    values = [value]
    if name.lower() in _LISTS:
        values = next(csv.reader([value], skipinitialspace=True), [""])
    key = ".".join(map(quote_name, name.split(".")))
    return f"ALTER {target} SET {key} TO {', '.join(map(quote_text, values))}"

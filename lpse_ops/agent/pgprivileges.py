"""Privileges of PostgreSQL: the statements that grant and revoke them, and who has which.

Pure; Python 3.6, standard library and ``lpse_ops.agent`` only.
"""

from typing import Any, Dict, List, NamedTuple, Optional

from lpse_ops.agent.pgquoting import identifier

PRIVILEGES = (
    *("SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER", "CREATE"),
    *("CONNECT", "TEMPORARY", "TEMP", "EXECUTE", "USAGE", "ALL", "SET", "ALTER_SYSTEM"),
    "MAINTAIN",
)
# What default privileges can be of -> which ones.
DEFAULT_OBJECTS: Dict[str, Any] = {
    "TABLES": (
        *("ALL", "SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER"),
        "MAINTAIN",
    ),
    "SEQUENCES": ("ALL", "SELECT", "UPDATE", "USAGE"),
    "FUNCTIONS": ("ALL", "EXECUTE"),
    "TYPES": ("ALL", "USAGE"),
    "SCHEMAS": ("CREATE", "USAGE"),
}
# A role loses its default privileges of all of these at once.
_REVOKED_DEFAULTS = ("TABLES", "FUNCTIONS", "SEQUENCES", "TYPES")
ROUTINES = ("function", "procedure")
IN_SCHEMAS = ("table", "sequence", "type", *ROUTINES)
_NOT_IN_SIGNATURES = (";", "--", "'", "$")

_RELATION = """SELECT relname::text AS name, relacl::text AS acl FROM pg_catalog.pg_class c
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE (%(schema)s IS NULL OR nspname = %(schema)s) AND relkind IN """
_ROUTINE = """SELECT proname || '(' || oidvectortypes(proargtypes) || ')' AS name,
    proacl::text AS acl, proname FROM pg_catalog.pg_proc c
    JOIN pg_catalog.pg_namespace n ON n.oid = c.pronamespace
    WHERE (%(schema)s IS NULL OR nspname = %(schema)s)"""
_CATALOG = "SELECT {0}name::text AS name, {0}acl::text AS acl FROM pg_catalog.{1} WHERE true"
# Type of object -> a query for what there is of it, and who may do what with it.
LISTS: Dict[str, str] = {
    "table": _RELATION + "('r', 'p', 'v', 'm', 'f')",
    "sequence": _RELATION + "('S')",
    "function": _ROUTINE,
    "procedure": _ROUTINE,
    "type": """SELECT typname::text AS name, typacl::text AS acl FROM pg_catalog.pg_type t
        JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
        WHERE (%(schema)s IS NULL OR nspname = %(schema)s)""",
    "schema": _CATALOG.format("nsp", "pg_namespace"),
    "language": _CATALOG.format("lan", "pg_language"),
    "tablespace": _CATALOG.format("spc", "pg_tablespace"),
    "database": _CATALOG.format("dat", "pg_database"),
    "foreign_data_wrapper": _CATALOG.format("fdw", "pg_foreign_data_wrapper"),
    "foreign_server": _CATALOG.format("srv", "pg_foreign_server"),
    "parameter": _CATALOG.format("par", "pg_parameter_acl"),
    "group": """SELECT rolname::text AS name,
        concat_ws(' ', roleid, grantor, member, admin_option) AS acl
        FROM pg_catalog.pg_auth_members am
        JOIN pg_catalog.pg_roles r ON r.oid = am.roleid WHERE true""",
    "default_privs": """SELECT concat_ws(' ', defaclrole, defaclnamespace, defaclobjtype) AS name,
        defaclacl::text AS acl FROM pg_catalog.pg_default_acl a
        LEFT JOIN pg_catalog.pg_namespace n ON n.oid = a.defaclnamespace
        WHERE (%(schema)s IS NULL OR nspname = %(schema)s)""",
}
_NAME_COLUMNS = {
    **dict.fromkeys(("table", "sequence"), "relname"),
    **dict.fromkeys(ROUTINES, "proname"),
    "type": "typname",
    "schema": "nspname",
    "language": "lanname",
    "tablespace": "spcname",
    "database": "datname",
    "foreign_data_wrapper": "fdwname",
    "foreign_server": "srvname",
    "parameter": "parname",
    "group": "rolname",
}


class SignatureError(Exception):
    """A function is named without its arguments, or with more than those."""


class Wanted(NamedTuple):
    """Who gets, or loses, what; ``roles`` are ready for SQL, all else is as people name it.

    ``everything`` is ``ALL TABLES IN SCHEMA`` and the like where that is what is meant.
    """

    kind: str
    privileges: List[str]
    objects: List[str]
    roles: List[str]
    schema: Optional[str]
    grant_option: Optional[bool]
    owners: List[str]
    everything: str = ""


def status_query(kind: str) -> str:
    """A query that tells who may do what with the objects ``%(names)s`` of ``%(schema)s``."""
    if kind == "default_privs":
        return LISTS[kind]
    return f"{LISTS[kind]} AND {_NAME_COLUMNS[kind]} = ANY (%(names)s::text[])"


def render_grant(wanted: Wanted) -> str:
    """The statements that give what is wanted."""
    if wanted.kind == "default_privs":
        lines = [_render_default_revocation(wanted, each) for each in wanted.objects]
        return "\n".join(lines + [_render_default_grant(wanted, each) for each in wanted.objects])
    what, whom = _render_what(wanted), ",".join(wanted.roles)
    option = "ADMIN OPTION" if wanted.kind == "group" else "GRANT OPTION"
    grant = f"GRANT {what} TO {whom}"
    if wanted.grant_option:
        return f"{grant} WITH {option};"
    if wanted.grant_option is None:
        return grant + ";"
    return f"{grant};\nREVOKE {option} FOR {what} FROM {whom};"


def render_revocation(wanted: Wanted) -> str:
    """The statements that take it away."""
    if wanted.kind == "default_privs":
        return "\n".join(_render_default_revocation(wanted, each) for each in _REVOKED_DEFAULTS)
    return "REVOKE {} FROM {};".format(_render_what(wanted), ",".join(wanted.roles))


def _render_what(wanted: Wanted) -> str:
    names = ",".join(_render_object(wanted, each) for each in wanted.objects)
    if wanted.kind == "group":
        return names
    privileges = ",".join(wanted.privileges).replace("_", " ")
    if wanted.everything:
        return f"{privileges} ON {wanted.everything} {identifier(wanted.schema or '')}"
    return "{} ON {} {}".format(privileges, wanted.kind.replace("_", " "), names)


def _render_object(wanted: Wanted, name: str) -> str:
    place = ""
    if wanted.schema is not None and wanted.kind in IN_SCHEMAS:
        place = identifier(wanted.schema) + "."
    if wanted.kind not in ROUTINES:
        return place + identifier(name)
    function, opening, arguments = name.partition("(")
    is_whole = opening and arguments.rstrip().endswith(")")
    if not is_whole or any(part in arguments for part in _NOT_IN_SIGNATURES):
        raise SignatureError(f'Illegal function / procedure signature: "{name}".')
    return place + identifier(function) + opening + arguments


def _render_default_revocation(wanted: Wanted, objects: str) -> str:
    return "{} REVOKE ALL ON {} FROM {};".format(
        _render_alter(wanted), objects, ",".join(wanted.roles)
    )


def _render_default_grant(wanted: Wanted, objects: str) -> str:
    return "{} GRANT {} ON {} TO {}{};".format(
        _render_alter(wanted),
        ",".join(wanted.privileges),
        objects,
        ",".join(wanted.roles),
        " WITH GRANT OPTION" if wanted.grant_option else "",
    )


def _render_alter(wanted: Wanted) -> str:
    owners = ",".join(identifier(each) for each in wanted.owners)
    return "ALTER DEFAULT PRIVILEGES{}{}".format(
        f" FOR ROLE {owners}" if owners else "",
        "" if wanted.schema is None else " IN SCHEMA " + identifier(wanted.schema),
    )

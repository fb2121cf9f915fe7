"""The ``postgresql_privs`` module: who may do what with which objects of a database.

What changes is seen by comparing what the server says before and after; in check mode, and when
nothing changed, all of it is undone.
"""

from typing import Any, Dict, List, Optional, Tuple

from lpse_ops.agent.context import Context, Failed
from lpse_ops.agent.pgprivileges import (
    DEFAULT_OBJECTS,
    IN_SCHEMAS,
    LISTS,
    PRIVILEGES,
    ROUTINES,
    SignatureError,
    Wanted,
    render_grant,
    render_revocation,
    status_query,
)
from lpse_ops.agent.pgquoting import identifier
from lpse_ops.agent.pgsession import (
    SESSION_ARGUMENTS,
    Session,
    failing_as,
    open_session,
    refuse_dangerous,
)

_TYPES = [
    *("table", "sequence", "function", "procedure", "database", "schema", "language"),
    *("tablespace", "group", "default_privs", "foreign_data_wrapper", "foreign_server", "type"),
    "parameter",
]
ARGUMENTS: Dict[str, Dict[str, Any]] = dict(
    SESSION_ARGUMENTS,
    login_db={"type": "str", "required": True, "aliases": ["db", "database"]},
    state={"type": "str", "default": "present", "choices": ["present", "absent"]},
    privs={"type": "str", "aliases": ["priv"]},
    type={"type": "str", "default": "table", "choices": _TYPES},
    objs={"type": "str", "aliases": ["obj"]},
    schema={"type": "str"},
    roles={"type": "str", "required": True, "aliases": ["role"]},
    target_roles={"type": "str"},
    grant_option={"type": "bool", "aliases": ["admin_option"]},
    fail_on_role={"type": "bool", "default": True},
)
CHECK_MODE = "full"

_ALL = "ALL_IN_SCHEMA"
_EVERYTHING = {kind: f"ALL {kind.upper()}S IN SCHEMA" for kind in IN_SCHEMAS if kind != "type"}
# Words that mean a role -> the first server that knows them.
_IMPLICIT_ROLES = {
    "PUBLIC": 0,
    "CURRENT_USER": 90500,
    "SESSION_USER": 90500,
    "CURRENT_ROLE": 140000,
}
_HAS_PROCEDURES = 110000
_HAS_PARAMETERS = 150000


def run(args: Dict[str, Any], context: Context) -> Dict[str, Any]:
    """Grant or revoke, and say whether that made a difference."""
    args = dict(args, schema=read_schema(args))
    check_arguments(args)
    refuse_dangerous(args, "roles", "target_roles", "session_role", "schema")
    warnings: List[str] = []
    if args["target_roles"] and args["type"] != "default_privs":
        warnings.append(
            '"target_roles" will be ignored Argument "type: default_privs" is required for usage '
            'of "target_roles".'
        )
    with failing_as("{}"), open_session(args, args["login_db"]) as session:
        privileges = read_privileges(args["privs"])
        objects = read_objects(args, privileges, session)
        roles, missing = read_roles(args, session)
        changed = False
        if not roles:
            missing.append("No valid roles provided, nothing to do")
        elif objects:
            changed = apply(args, make_wanted(args, privileges, objects, roles), session)
        session.end(keep=changed and not context.check_mode)
    result = {"changed": changed, "queries": session.executed}
    return dict(result, warnings=missing + warnings) if missing or warnings else result


def read_schema(args: Dict[str, Any]) -> Optional[str]:
    """Where the objects are; None is no place, or any."""
    if args["type"] not in (*IN_SCHEMAS, "default_privs"):
        if args["schema"]:
            raise Failed('Argument "schema" is not allowed for type "{}".'.format(args["type"]))
        return None
    # Schemas are in no schema.
    if (args["objs"] or "").lower() == "schemas" or args["schema"] == "not-specified":
        return None
    return args["schema"] or "public"


def check_arguments(args: Dict[str, Any]) -> None:
    """Fail for what makes no sense together."""
    kind = args["type"]
    if args["objs"] == _ALL and kind not in _EVERYTHING:
        raise Failed(
            'Argument "objs": ALL_IN_SCHEMA can be used only for type: table, sequence, function '
            f"or procedure, {kind} was passed."
        )
    if not args["objs"] and kind != "database":
        raise Failed(f'Argument "objs" is required for type "{kind}".')
    if kind == "group" and args["privs"]:
        raise Failed('Argument "privs" is not allowed for type "group".')
    if kind != "group" and not args["privs"]:
        raise Failed(f'Argument "privs" is required for type "{kind}".')


def read_privileges(text: Optional[str]) -> List[str]:
    privileges = list(dict.fromkeys(each.strip().upper() for each in (text or "").split(",")))
    wrong = [each for each in privileges if each not in PRIVILEGES]
    if text and wrong:
        raise Failed("Invalid privileges specified: " + ", ".join(wrong))
    return privileges


def read_objects(args: Dict[str, Any], privileges: List[str], session: Session) -> List[str]:
    """The objects by name; those of a whole schema are asked for."""
    kind = args["type"]
    if kind == "procedure" and session.version < _HAS_PROCEDURES:
        raise Failed("PostgreSQL version must be >= 11 for type=procedure. Exit")
    if kind == "parameter" and session.version < _HAS_PARAMETERS:
        raise Failed("PostgreSQL version must be >= 15 for type=parameter. Exit")
    if kind == "default_privs":
        return read_default_objects(args["objs"], privileges)
    if args["objs"] == _ALL:
        return list_schema(args, session)
    names: List[str] = (args["objs"] or args["login_db"]).split(",")
    # A comma would end the name of a function.
    return [name.replace(":", ",") for name in names] if kind in ROUTINES else names


def read_default_objects(text: str, privileges: List[str]) -> List[str]:
    if text == "ALL_DEFAULT":
        names = [name for name in DEFAULT_OBJECTS if name != "SCHEMAS"]
    else:
        names = list(dict.fromkeys(name.upper() for name in text.split(",")))
    wrong = [name for name in names if name not in DEFAULT_OBJECTS]
    if wrong:
        raise Failed("Invalid Object set specified: " + ", ".join(wrong))
    valid = [name for name in names if set(privileges) <= set(DEFAULT_OBJECTS[name])]
    if valid != names:
        raise Failed(
            "Invalid priv specified. Valid object for priv: {}. Objects: {}".format(
                ", ".join(valid), ", ".join(names)
            )
        )
    return names


def list_schema(args: Dict[str, Any], session: Session) -> List[str]:
    """All objects of a kind in a schema."""
    kind, schema = args["type"], args["schema"]
    if not session.rows("SELECT 1 FROM pg_catalog.pg_namespace WHERE nspname = %s", [schema]):
        raise Failed(f'Schema "{schema}" does not exist.')
    query = LISTS[kind]
    if kind in ROUTINES and session.version >= _HAS_PROCEDURES:
        query += f" AND prokind = '{kind[0]}'"
    return [row["name"] for row in session.rows(query, {"schema": schema})]


def read_roles(args: Dict[str, Any], session: Session) -> Tuple[List[str], List[str]]:
    """The roles that there are, ready for SQL, and warnings about the others."""
    roles, warnings = [], []
    for name in args["roles"].split(","):
        if session.version >= _IMPLICIT_ROLES.get(name.upper(), session.version + 1):
            roles.append(name.upper())
        elif session.rows("SELECT 1 FROM pg_catalog.pg_roles WHERE rolname = %s", [name]):
            roles.append(identifier(name))
        elif args["fail_on_role"]:
            raise Failed(f"Role '{name}' does not exist")
        else:
            warnings.append(f"Role '{name}' does not exist, pass it")
    return roles, warnings


def make_wanted(
    args: Dict[str, Any], privileges: List[str], objects: List[str], roles: List[str]
) -> Wanted:
    owners = args["target_roles"].split(",") if args["target_roles"] else []
    everything = _EVERYTHING[args["type"]] if args["objs"] == _ALL else ""
    option = args["grant_option"]
    return Wanted(
        args["type"], privileges, objects, roles, args["schema"], option, owners, everything
    )


def apply(args: Dict[str, Any], wanted: Wanted, session: Session) -> bool:
    """Do it; return whether the server tells of anything else afterwards."""
    render = render_grant if args["state"] == "present" else render_revocation
    try:
        query = render(wanted)
    except SignatureError as error:
        raise Failed(str(error)) from error
    before = read_status(wanted, session)
    with failing_as(f"Cannot execute SQL '{query}': {{}}"):
        session.change(query)
    return read_status(wanted, session) != before


def read_status(wanted: Wanted, session: Session) -> List[str]:
    """Who may do what with the objects, in an order that is always the same."""
    names = wanted.objects
    if wanted.kind in ROUTINES:
        names = [name.partition("(")[0] for name in names]
    values = {"schema": wanted.schema, "names": _array(names)}
    return sorted(str(row) for row in session.rows(status_query(wanted.kind), values))


def _array(names: List[str]) -> str:
    quoted = ('"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"' for name in names)
    return "{" + ",".join(quoted) + "}"

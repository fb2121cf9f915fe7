"""The ``postgresql_user`` module: a role of a PostgreSQL server, its password and its settings.

A password is hashed here: neither the server nor its log sees it.
"""

from typing import Any, Dict, List, Optional

from lpse_ops.agent import pgpasswords
from lpse_ops.agent.context import Context, Failed
from lpse_ops.agent.libpq import DatabaseError
from lpse_ops.agent.pgquoting import identifier, literal
from lpse_ops.agent.pgsession import (
    SESSION_ARGUMENTS,
    Session,
    comment_statement,
    failing_as,
    open_session,
    refuse_dangerous,
)

ARGUMENTS: Dict[str, Dict[str, Any]] = dict(
    SESSION_ARGUMENTS,
    user={"type": "str", "required": True, "aliases": ["name"]},
    password={"type": "str", "no_log": True},
    state={"type": "str", "default": "present", "choices": ["absent", "present"]},
    login_db={"type": "str", "default": "", "aliases": ["db"]},
    fail_on_user={"type": "bool", "default": True, "aliases": ["fail_on_role"]},
    role_attr_flags={"type": "str", "default": ""},
    encrypted={"type": "bool", "default": True},
    no_password_changes={"type": "bool", "default": False},
    expires={"type": "str"},
    conn_limit={"type": "int"},
    comment={"type": "str"},
    configuration={"type": "dict", "default": {}},
    reset_unspecified_configuration={"type": "bool", "default": False},
    quote_configuration_values={"type": "bool", "default": True},
)
CHECK_MODE = "full"

_PUBLIC = "PUBLIC"
# Words of statements that a value follows, and what is told in its place.
_PASSWORD = "PASSWORD "  # noqa: S105
_EXPIRES = "VALID UNTIL "
_SHOWN = {_PASSWORD: "%(password)s", _EXPIRES: "%(expires)s"}
_COLUMNS = {
    "SUPERUSER": "rolsuper",
    "CREATEROLE": "rolcreaterole",
    "CREATEDB": "rolcreatedb",
    "INHERIT": "rolinherit",
    "LOGIN": "rolcanlogin",
    "REPLICATION": "rolreplication",
    "BYPASSRLS": "rolbypassrls",
}


def run(args: Dict[str, Any], context: Context) -> Dict[str, Any]:
    """Bring the role to the wanted state; in check mode all of it is undone."""
    names = ("user", "password", "expires", "role_attr_flags", "comment", "session_role")
    refuse_dangerous(args, *names, "configuration")
    role = read_name(args["user"])
    flags = parse_flags(args["role_attr_flags"])
    check_configuration(args)
    with failing_as("{}"), open_session(args, args["login_db"]) as session:
        result: Dict[str, Any] = {"user": args["user"]}
        if args["state"] == "present":
            result["changed"] = ensure_present(session, args, role, flags)
        elif exists(session, role):
            result["user_removed"] = context.check_mode or remove(session, args, role)
            result["changed"] = result["user_removed"]
        session.end(keep=not context.check_mode)
    return dict(result, queries=session.executed)


def read_name(user: str) -> str:
    """The role's name; quotes around the argument are not a part of it."""
    is_open, is_closed = user[:1] == '"', user[-1:] == '"'
    if not user or is_open != is_closed or user == '"':
        raise Failed(
            "The value of the user-field can't contain a double-quote in the end if it doesn't "
            "start with one and vice-versa."
        )
    return user[1:-1].replace('""', '"') if is_open else user


def parse_flags(text: str) -> List[str]:
    """The words of ``role_attr_flags``, each once."""
    flags = [word.upper() for word in text.split(",") if word]
    wrong = [word for word in flags if word not in _COLUMNS and word[2:] not in _COLUMNS]
    wrong += [word for word in flags if word[2:] in _COLUMNS and not word.startswith("NO")]
    if wrong:
        raise Failed("Invalid role_attr_flags specified: " + " ".join(wrong))
    return list(dict.fromkeys(flags))


def check_configuration(args: Dict[str, Any]) -> None:
    if args["quote_configuration_values"]:
        for name in args["configuration"]:
            if '"' in name or "'" in name:
                raise Failed("The key of a configuration may not contain single or double quotes")


def exists(session: Session, role: str) -> bool:
    if role == _PUBLIC:
        return True
    return bool(session.rows("SELECT 1 FROM pg_roles WHERE rolname = %s", [role]))


def remove(session: Session, args: Dict[str, Any], role: str) -> bool:
    """Drop the role; False if that cannot be and nobody minds."""
    session.run("SAVEPOINT before_removal")
    try:
        session.change("DROP USER " + identifier(role))
    except DatabaseError as error:
        if args["fail_on_user"]:
            raise Failed(f"Unable to remove user: {error}") from error
        session.run("ROLLBACK TO SAVEPOINT before_removal")
        return False
    return True


def ensure_present(session: Session, args: Dict[str, Any], role: str, flags: List[str]) -> bool:
    """Create or alter the role; say whether anything was not as asked for."""
    if not exists(session, role):
        create(session, args, role, flags)
    elif role == _PUBLIC:
        check_public(args)
    else:
        alter(session, args, role, flags)
    if args["comment"] is not None:
        with failing_as("Unable to add comment on role: {}"):
            set_comment(session, role, args["comment"])
    configure(session, args, role)
    return bool(session.executed)


def check_public(args: Dict[str, Any]) -> None:
    if args["password"] is not None:
        raise Failed("cannot change the password for PUBLIC user")
    if args["role_attr_flags"]:
        raise Failed("cannot change the role_attr_flags for PUBLIC user")


def create(session: Session, args: Dict[str, Any], role: str, flags: List[str]) -> None:
    words = ["CREATE USER " + identifier(role)]
    if args["password"]:
        words += [_encrypted(args), _PASSWORD]
    words += [*_limits(args), " ".join(flags)]
    with failing_as("Unable to add user with given requirement due to : {}"):
        _change(session, args, role, words)


def alter(session: Session, args: Dict[str, Any], role: str, flags: List[str]) -> None:
    if args["no_password_changes"]:
        # Then Ansible looks at nothing but the flags.
        wants_other = has_other_flags(read_role(session, role) or {}, flags)
        if wants_other:
            session.change(f"ALTER USER {identifier(role)} WITH {' '.join(flags)}")
        return
    if not flags and all(args[name] is None for name in ("password", "expires", "conn_limit")):
        return
    current = read_role(session, role) or {}
    is_other_password = wants_other_password(session, args, role, current)
    if not (
        is_other_password
        or has_other_flags(current, flags)
        or expires_differently(session, args["expires"], current)
        or args["conn_limit"] not in (None, current.get("rolconnlimit"))
    ):
        return
    words = ["ALTER USER " + identifier(role)]
    if is_other_password and args["password"] != "":
        words += [_encrypted(args), _PASSWORD, " ".join(flags)]
    elif is_other_password:
        words += ["WITH PASSWORD NULL", " ".join(flags)]
    elif flags:
        words.append("WITH " + " ".join(flags))
    _change(session, args, role, [*words, *_limits(args)])


def _change(session: Session, args: Dict[str, Any], role: str, words: List[str]) -> None:
    """Run a statement; what is told of it has the names of values in their places."""
    values = {_EXPIRES: args["expires"], _PASSWORD: args["password"]}
    if _PASSWORD in words and not pgpasswords.is_hash(args["password"]):
        values[_PASSWORD] = session.connection.hash_password(args["password"], role)
    sql = [word + literal(values[word]) if word in values else word for word in words]
    shown = [word + _SHOWN[word] if word in values else word for word in words]
    session.change(" ".join(sql), " ".join(shown))


def _encrypted(args: Dict[str, Any]) -> str:
    return "WITH ENCRYPTED" if args["encrypted"] else "WITH UNENCRYPTED"


def _limits(args: Dict[str, Any]) -> List[str]:
    words = []
    if args["expires"] is not None:
        words.append(_EXPIRES)
    if args["conn_limit"] is not None:
        words.append("CONNECTION LIMIT {}".format(args["conn_limit"]))
    return words


def read_role(session: Session, role: str) -> Optional[Dict[str, Any]]:
    """What is known of a role: with its password where we may see it, None in its place if not."""
    session.run("SAVEPOINT before_reading")
    try:
        row = session.row("SELECT *, true AS is_seen FROM pg_authid WHERE rolname = %s", [role])
    except DatabaseError:
        session.run("ROLLBACK TO SAVEPOINT before_reading")
        row = session.row("SELECT *, false AS is_seen FROM pg_roles WHERE rolname = %s", [role])
    return row


def wants_other_password(
    session: Session, args: Dict[str, Any], role: str, current: Dict[str, Any]
) -> bool:
    """Whether the password must be set; where nobody may see the old one, it is set each time."""
    if args["password"] is None:
        return False
    if not current.get("is_seen"):
        return True
    row = session.row("SHOW password_encryption") or {}
    return not pgpasswords.is_same(
        args["password"],
        current["rolpassword"],
        role,
        encrypted=args["encrypted"],
        server_makes=row.get("password_encryption", ""),
    )


def has_other_flags(current: Dict[str, Any], flags: List[str]) -> bool:
    for flag in flags:
        wanted = flag in _COLUMNS
        if current.get(_COLUMNS[flag if wanted else flag[2:]]) != wanted:
            return True
    return False


def expires_differently(session: Session, expires: Optional[str], current: Dict[str, Any]) -> bool:
    if expires is None:
        return False
    row = session.row("SELECT %s::timestamptz AS moment", [expires]) or {}
    return bool(row.get("moment") != current.get("rolvaliduntil"))


def set_comment(session: Session, role: str, comment: str) -> None:
    row = session.row(
        "SELECT shobj_description(oid, 'pg_authid') AS comment FROM pg_roles WHERE rolname = %s",
        [role],
    )
    if comment != ((row or {}).get("comment") or ""):
        session.change(comment_statement("ROLE", role, comment))


def configure(session: Session, args: Dict[str, Any], role: str) -> None:
    """Set what the role's sessions start with."""
    row = session.row("SELECT rolconfig FROM pg_roles WHERE rolname = %s", [role])
    if row is None:
        raise Failed(f"Can't find user {role} in 'pg_roles'")
    current = dict(entry.split("=", 1) for entry in row["rolconfig"] or ())
    wanted = {name: str(value) for name, value in args["configuration"].items()}
    alter_role = "ALTER ROLE " + identifier(role)
    with failing_as(f"Unable to update configuration for '{role}' due to: {{}}"):
        if args["reset_unspecified_configuration"]:
            for name in current:
                if name not in wanted:
                    session.change(f"{alter_role} RESET {identifier(name)};")
        for name, value in wanted.items():
            if current.get(name) != value:
                shown = literal(value) if args["quote_configuration_values"] else value
                session.change(f"{alter_role} SET {identifier(name)} TO {shown};")

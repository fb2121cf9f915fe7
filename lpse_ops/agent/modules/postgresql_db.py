"""The ``postgresql_db`` module: a database, there or not, renamed, dumped or restored."""

import os
import re
from typing import Any, Dict, List, Optional

from lpse_ops.agent.context import Context, Failed
from lpse_ops.agent.pgdump import dump, restore
from lpse_ops.agent.pgquoting import identifier, literal
from lpse_ops.agent.pgsession import (
    SESSION_ARGUMENTS,
    Session,
    comment_statement,
    failing_as,
    open_session,
    refuse_dangerous,
)

_TEXT = {"type": "str", "default": ""}
ARGUMENTS: Dict[str, Dict[str, Any]] = dict(
    SESSION_ARGUMENTS,
    db={"type": "str", "required": True, "aliases": ["name"]},
    owner=_TEXT,
    template=_TEXT,
    encoding=_TEXT,
    lc_collate=_TEXT,
    lc_ctype=_TEXT,
    icu_locale=_TEXT,
    locale_provider=_TEXT,
    state={
        "type": "str",
        "default": "present",
        "choices": ["absent", "dump", "present", "rename", "restore"],
    },
    target={"type": "path", "default": ""},
    target_opts=_TEXT,
    maintenance_db={"type": "str", "default": "postgres"},
    conn_limit=_TEXT,
    tablespace={"type": "path", "default": ""},
    dump_extra_args={"type": "str"},
    force={"type": "bool", "default": False},
    comment={"type": "str"},
)
CHECK_MODE = "full"

# Versions of servers that have more to tell, and a way to drop what is in use.
_HAS_LOCALE_PROVIDERS = 150000
_HAS_LOCALE_OF_ANY_PROVIDER = 170000
_DROPS_BY_FORCE = 130000
_KNOWN_OF_A_DATABASE = """
    SELECT pg_get_userbyid(datdba) AS owner, pg_encoding_to_char(encoding) AS encoding,
        encoding AS encoding_id, datcollate AS lc_collate, datctype AS lc_ctype, PROVIDERS,
        datconnlimit AS conn_limit, spcname AS tablespace,
        shobj_description(d.oid, 'pg_database') AS comment
    FROM pg_database d JOIN pg_tablespace t ON t.oid = d.dattablespace
    WHERE datname = %s
"""
_FIXED = (
    ("lc_collate", "Changing LC_COLLATE is not supported. Current LC_COLLATE: {}"),
    ("lc_ctype", "Changing LC_CTYPE is not supported.Current LC_CTYPE: {}"),
    ("icu_locale", "Changing ICU_LOCALE is not supported.Current ICU_LOCALE: {}"),
    ("locale_provider", "Changing LOCALE_PROVIDER is not supported.Current LOCALE_PROVIDER: {}"),
)


def run(args: Dict[str, Any], context: Context) -> Dict[str, Any]:
    """Bring the database to the wanted state."""
    warnings = check_arguments(args)
    if args["state"] in ("dump", "restore"):
        if context.check_mode:
            return {"changed": False, "db": args["db"], "executed_commands": []}
        target = args["target"] or os.path.join(os.getcwd(), args["db"] + ".sql")
        return (dump if args["state"] == "dump" else restore)(args, target)
    with failing_as("Database query failed: {}"), open_session(
        args, args["maintenance_db"], autocommit=True
    ) as session:
        plan = _PLANS[args["state"]](args, session, context)
        if not context.check_mode:
            for statement in plan:
                session.change(statement)
    result = {"changed": bool(plan), "db": args["db"], "executed_commands": session.executed}
    return dict(result, warnings=warnings) if warnings else result


def check_arguments(args: Dict[str, Any]) -> List[str]:
    """Fail for what makes no sense together; return warnings."""
    names = ("owner", "conn_limit", "encoding", "db", "template", "tablespace", "session_role")
    refuse_dangerous(args, *names, "comment")
    if args["conn_limit"] and not re.match(r"-?\d+$", args["conn_limit"]):
        raise Failed("conn_limit must be a whole number, got: {}".format(args["conn_limit"]))
    if args["state"] != "rename":
        return []
    if not args["target"]:
        raise Failed('The "target" option must be defined when the "rename" option is used.')
    if args["db"] == args["target"]:
        raise Failed('The "name/db" option and the "target" option cannot be the same.')
    if args["maintenance_db"] == args["db"]:
        raise Failed('The "maintenance_db" option and the "name/db" option cannot be the same.')
    return [
        "The rename choice of the state option is deprecated and will be removed in version "
        "5.0.0. Use the community.postgresql.postgresql_query module instead."
    ]


def plan_absent(args: Dict[str, Any], session: Session, context: Context) -> List[str]:
    """The statement that drops the database, if it is there."""
    if not exists(session, args["db"]):
        return []
    drop = "DROP DATABASE " + identifier(args["db"])
    if not args["force"]:
        return [drop]
    if session.version >= _DROPS_BY_FORCE:
        return [drop + " WITH (FORCE)"]
    if not context.check_mode:
        end_connections(session, args["db"])
    return [drop]


def end_connections(session: Session, name: str) -> None:
    """Nobody may connect to a database any more, and who is connected is sent away."""
    session.run(f"ALTER DATABASE {identifier(name)} ALLOW_CONNECTIONS false")
    session.rows(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = %s AND pid <> pg_backend_pid()",
        [name],
    )


def plan_rename(args: Dict[str, Any], session: Session, context: Context) -> List[str]:
    """The statement that gives the database its other name, unless it has it."""
    is_here, is_there = exists(session, args["db"]), exists(session, args["target"])
    if is_here and is_there:
        raise Failed("Both the source and the target databases exist.")
    if not is_here and not is_there:
        raise Failed("The source and the target databases do not exist.")
    names = (identifier(args["db"]), identifier(args["target"]))
    return ["ALTER DATABASE {} RENAME TO {}".format(*names)] if is_here else []


def plan_present(args: Dict[str, Any], session: Session, context: Context) -> List[str]:
    """The statements that create the database, or change what is not as it should be."""
    current = read_database(session, args["db"])
    if current is None:
        return plan_creation(args, session.version)
    wrong = find_unchangeable(args, current, read_encoding(session, args["encoding"]))
    if wrong and not context.check_mode:
        raise Failed(wrong)
    # Ansible says in check mode that it would change what it then refuses to change.
    return [wrong] if wrong else plan_changes(args, current)


def plan_creation(args: Dict[str, Any], version: int) -> List[str]:
    name = identifier(args["db"])
    words = ["CREATE DATABASE " + name]
    if args["owner"]:
        words.append("OWNER " + identifier(args["owner"]))
    if args["template"]:
        words.append("TEMPLATE " + identifier(args["template"]))
    for option, keyword in (("encoding", "ENCODING"), ("lc_collate", "LC_COLLATE")):
        if args[option]:
            words.append(f"{keyword} {literal(args[option])}")
    if args["lc_ctype"]:
        words.append("LC_CTYPE " + literal(args["lc_ctype"]))
    if args["icu_locale"] and version >= _HAS_LOCALE_PROVIDERS:
        words.append("ICU_LOCALE " + literal(args["icu_locale"]))
    if args["locale_provider"] and version >= _HAS_LOCALE_PROVIDERS:
        words.append("LOCALE_PROVIDER " + literal(args["locale_provider"]))
    if args["tablespace"]:
        words.append("TABLESPACE " + identifier(args["tablespace"]))
    if args["conn_limit"]:
        words.append("CONNECTION LIMIT " + args["conn_limit"])
    statements = [" ".join(words)]
    if args["comment"]:
        statements.append(comment_statement("DATABASE", args["db"], args["comment"]))
    return statements


def plan_changes(args: Dict[str, Any], current: Dict[str, Any]) -> List[str]:
    """The statements for a database that is there, none if it is as it should be."""
    alter = "ALTER DATABASE {} ".format(identifier(args["db"]))
    statements = []
    if args["owner"] and args["owner"] != current["owner"]:
        statements.append(alter + "OWNER TO " + identifier(args["owner"]))
    if args["conn_limit"] and args["conn_limit"] != str(current["conn_limit"]):
        statements.append(alter + "CONNECTION LIMIT " + args["conn_limit"])
    if args["tablespace"] and args["tablespace"] != current["tablespace"]:
        statements.append(alter + "SET TABLESPACE " + identifier(args["tablespace"]))
    if args["comment"] is not None and args["comment"] != (current["comment"] or ""):
        statements.append(comment_statement("DATABASE", args["db"], args["comment"]))
    return statements


def find_unchangeable(
    args: Dict[str, Any], current: Dict[str, Any], encoding_id: Optional[int]
) -> str:
    """What a database is only once, and is not as asked for; empty if all is well."""
    if args["encoding"] and encoding_id != current["encoding_id"]:
        text = "Changing database encoding is not supported. Current encoding: {}"
        return text.format(current["encoding"])
    for name, text in _FIXED:
        if args[name] and args[name] != current[name]:
            return text.format(current[name])
    return ""


def exists(session: Session, name: str) -> bool:
    return bool(session.rows("SELECT 1 FROM pg_database WHERE datname = %s", [name]))


def read_encoding(session: Session, name: str) -> Optional[int]:
    """The number of an encoding; names of the same one have the same number."""
    row = session.row("SELECT pg_char_to_encoding(%s) AS number", [name]) if name else None
    return row["number"] if row else None


def read_database(session: Session, name: str) -> Optional[Dict[str, Any]]:
    """What is known of a database, None if it is not there."""
    providers = "NULL AS icu_locale, NULL AS locale_provider"
    if session.version >= _HAS_LOCALE_PROVIDERS:
        is_new = session.version >= _HAS_LOCALE_OF_ANY_PROVIDER
        providers = (
            "{} AS icu_locale, CASE datlocprovider WHEN 'c' THEN 'libc' WHEN 'i' THEN 'icu' END"
            " AS locale_provider"
        ).format("datlocale" if is_new else "daticulocale")
    return session.row(_KNOWN_OF_A_DATABASE.replace("PROVIDERS", providers), [name])


_PLANS = {"present": plan_present, "absent": plan_absent, "rename": plan_rename}

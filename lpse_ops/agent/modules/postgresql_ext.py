"""The ``postgresql_ext`` module: an extension of a database, there or not, in a version."""

from typing import Any, Dict, List, NamedTuple, Set

from lpse_ops.agent.context import Context, Failed
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
    login_db={"type": "str", "required": True, "aliases": ["db"]},
    ext={"type": "str", "required": True, "aliases": ["name"]},
    schema={"type": "str"},
    state={"type": "str", "default": "present", "choices": ["absent", "present"]},
    cascade={"type": "bool", "default": False},
    version={"type": "str"},
    comment={"type": "str"},
)
CHECK_MODE = "full"

_LATEST = "latest"


class Versions(NamedTuple):
    """Of an extension: the one in the database, the one to take, and all; empty is none."""

    current: str
    default: str
    available: Set[str]


def run(args: Dict[str, Any], context: Context) -> Dict[str, Any]:
    """Create, update or drop the extension; in check mode only say what would be done."""
    refuse_dangerous(args, "ext", "schema", "version", "session_role", "comment")
    warnings = []
    if args["version"] and args["state"] == "absent":
        warnings.append("Parameter version is ignored when state=absent")
    text = "Management of PostgreSQL extension failed: {}"
    with failing_as(text), open_session(args, args["login_db"], autocommit=True) as session:
        versions = read_versions(session, args["ext"])
        target = find_target(args, versions)
        statements = plan(args, session, versions, target)
        if args["comment"] is not None and args["state"] == "present":
            statements += plan_comment(args, session)
        if not context.check_mode:
            for statement in statements:
                session.run(statement)
        version = read_versions(session, args["ext"]).current
    if context.check_mode and statements:
        version = target if args["state"] == "present" else ""
    result = {
        "changed": bool(statements),
        "db": args["login_db"],
        "ext": args["ext"],
        "prev_version": versions.current,
        "version": version,
        "queries": statements,
    }
    return dict(result, warnings=warnings) if warnings else result


def read_versions(session: Session, name: str) -> Versions:
    current = session.row("SELECT extversion AS v FROM pg_extension WHERE extname = %s", [name])
    default = session.row(
        "SELECT default_version AS v FROM pg_available_extensions WHERE name = %s", [name]
    )
    rows = session.rows(
        "SELECT version FROM pg_available_extension_versions WHERE name = %s", [name]
    )
    return Versions(
        current["v"] if current else "",
        (default or {}).get("v") or "",
        {row["version"] for row in rows},
    )


def find_target(args: Dict[str, Any], versions: Versions) -> str:
    """The version by its number."""
    if args["version"] and args["version"] != _LATEST:
        return str(args["version"])
    if not versions.available:
        raise Failed("Extension {} is not available".format(args["ext"]))
    if not versions.default:
        raise Failed(
            "Passed version 'latest' but no default_version available in extension control file"
        )
    return versions.default


def plan(args: Dict[str, Any], session: Session, versions: Versions, target: str) -> List[str]:
    """The statement that brings the extension to what is asked for, if one is needed."""
    name = identifier(args["ext"])
    if args["state"] == "absent":
        cascade = " CASCADE" if args["cascade"] else ""
        return [f"DROP EXTENSION {name}{cascade}"] if versions.current else []
    if not versions.current:
        if target not in versions.available:
            word = "Latest" if args["version"] == _LATEST else "Passed"
            raise Failed(f"{word} version '{target}' is not available")
        return [render_creation(args)]
    if not args["version"] or versions.current == target:
        return []
    check_path(args, session, versions.current, target)
    to = "" if args["version"] == _LATEST else " TO " + literal(args["version"])
    return [f"ALTER EXTENSION {name} UPDATE{to}"]


def render_creation(args: Dict[str, Any]) -> str:
    words = ["CREATE EXTENSION " + identifier(args["ext"])]
    if args["schema"]:
        words.append("WITH SCHEMA " + identifier(args["schema"]))
    if args["version"] and args["version"] != _LATEST:
        words.append("VERSION " + literal(args["version"]))
    if args["cascade"]:
        words.append("CASCADE")
    return " ".join(words)


def check_path(args: Dict[str, Any], session: Session, current: str, target: str) -> None:
    """Fail if the extension cannot get from one version to the other."""
    values = {"name": args["ext"], "source": current, "target": target}
    found = session.rows(
        "SELECT 1 FROM pg_extension_update_paths(%(name)s) WHERE path IS NOT NULL"
        " AND source = %(source)s AND target = %(target)s",
        values,
    )
    if found:
        return
    text = "{} version '{}' has no valid update path from the currently installed version '{}'"
    if args["version"] == _LATEST:
        raise Failed(text.format("Latest", target, current))
    raise Failed(text.format("Passed", target, current) + " or the passed version is not available")


def plan_comment(args: Dict[str, Any], session: Session) -> List[str]:
    row = session.row(
        "SELECT obj_description(oid, 'pg_extension') AS comment FROM pg_extension"
        " WHERE extname = %s",
        [args["ext"]],
    )
    if args["comment"] == ((row or {}).get("comment") or ""):
        return []
    return [comment_statement("EXTENSION", args["ext"], args["comment"])]

"""The ``postgresql_query`` module: any SQL, with what it gives as rows of JSON values.

In check mode everything is done and undone.
"""

import re
import time
from typing import Any, Dict, List

from lpse_ops.agent.context import Context, Failed
from lpse_ops.agent.libpq import Answer, DatabaseError
from lpse_ops.agent.pgquoting import QuotingError, array_text, fill
from lpse_ops.agent.pgsession import (
    NO_DATABASE,
    SESSION_ARGUMENTS,
    Session,
    open_session,
    refuse_dangerous,
    rows_of,
)

ARGUMENTS: Dict[str, Dict[str, Any]] = dict(
    SESSION_ARGUMENTS,
    query={"type": "raw"},
    login_db={"type": "str", "aliases": ["db"]},
    positional_args={"type": "list", "elements": "raw"},
    named_args={"type": "dict"},
    autocommit={"type": "bool", "default": False},
    encoding={"type": "str"},
    search_path={"type": "list", "elements": "str"},
)
RULES: Dict[str, Any] = {"mutually_exclusive": [["positional_args", "named_args"]]}
CHECK_MODE = "full"


def run(args: Dict[str, Any], context: Context) -> Dict[str, Any]:
    """Run one query or several; the results named after one query are those of the last."""
    queries = read_queries(args["query"])
    refuse_dangerous(args, "session_role")
    if args["autocommit"] and context.check_mode:
        raise Failed("Using autocommit is mutually exclusive with check_mode")
    values = with_arrays(args["positional_args"] or args["named_args"])
    encoding = {} if args["encoding"] is None else {"client_encoding": args["encoding"]}
    with open_session(args, args["login_db"], autocommit=args["autocommit"], **encoding) as session:
        if args["search_path"]:
            session.run("SET search_path TO " + ",".join(p.strip(" ") for p in args["search_path"]))
        result = run_queries(session, queries, values)
        session.end(keep=not context.check_mode)
    return result if args["login_db"] else dict(result, warnings=[NO_DATABASE])


def read_queries(query: Any) -> List[str]:
    """The argument as a list of queries."""
    if query and not isinstance(query, (str, list)):
        raise Failed("query argument must be of type string or list")
    queries = [query] if isinstance(query, str) else [str(each) for each in query or ()]
    if not queries:
        raise Failed("query must hold at least one query")
    return queries


def with_arrays(values: Any) -> Any:
    """Values of a query, in which lists are arrays."""
    if isinstance(values, dict):
        return {name: with_arrays([each])[0] for name, each in values.items()}
    if not values:
        return None
    return [array_text(each) if isinstance(each, list) else each for each in values]


def run_queries(session: Session, queries: List[str], values: Any) -> Dict[str, Any]:
    answers: List[Answer] = []
    milliseconds: List[float] = []
    sql = ""
    for query in queries:
        try:
            sql = fill(query, values)
            started = time.perf_counter()
            answers.append(session.run(sql))
        except (DatabaseError, QuotingError) as error:
            raise Failed(
                f"Cannot execute SQL '{query}' {values}: {error}, query list: {queries}"
            ) from error
        milliseconds.append(round((time.perf_counter() - started) * 1000, 4))
    # Without rows Ansible has an empty dictionary.
    found: List[Any] = [rows_of(answer) or {} for answer in answers]
    return {
        "changed": any(is_change(answer.status) for answer in answers),
        "query": sql,
        "query_list": queries,
        "statusmessage": answers[-1].status,
        "query_result": found[-1],
        "query_all_results": found,
        "rowcount": sum(max(answer.rowcount, 0) for answer in answers),
        "execution_time_ms": milliseconds,
    }


def is_change(status: str) -> bool:
    """Whether a statement with this command tag changed something."""
    if "SELECT" in status or "SHOW" in status:
        return False
    words = status.split()
    if re.search("UPDATE|INSERT|DELETE", status) and len(words) in (2, 3):
        return words[-1] != "0"
    return True

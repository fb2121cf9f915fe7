"""Preflights of the inventory's SPSE servers, all at a time, each over its own agent."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from lpse_ops.cli.playbook_engine import Engine
from lpse_ops.cli.playbook_options import PlaybookFlags
from lpse_ops.cli.preflight_facts import read_there
from lpse_ops.cli.preflight_report import HostReport
from lpse_ops.cli.spse_hosts import ask_all, find_hosts, reach_by
from lpse_ops.cli.wiring import App
from lpse_ops.errors import HostUnreachable, OpsError
from lpse_ops.playbook.magic import host_variables
from lpse_ops.playbook.variables import Variables
from lpse_ops.spse.preflight import judge
from lpse_ops.spse.preflightcheck import Asked

# Variable of the roles -> field of the agent's ``Site``: what an inventory says is what will be.
_FIELDS = {
    "spse_link": "link",
    "spse_releases": "releases",
    "spse_documents": "documents",
    "spse_account": "account",
    "spse_port": "port",
    "spse_java_home": "java_home",
    "spse_database_name": "database",
    "spse_database_user": "role",
}
_NAME, _PATH = "spse_server_name", "spse_path"
_LONGEST_PORT = 5


def ask_fleet(
    app: App, flags: PlaybookFlags, asked: Asked, arguments: Mapping[str, Any]
) -> list[HostReport]:
    """A report of each host; one that cannot be asked has why in its own."""
    # Much of what counts is root's to see.
    engine = Engine(app, replace(flags, become=True))
    try:
        names = find_hosts(engine)
        reach = reach_by(engine)

        def look(name: str) -> HostReport:
            own = add_variables(arguments, read_variables(engine, name))
            told = read_there(reach(name), own)
            return HostReport(
                name, judge(told.facts, replace(asked, clock_between=told.clock_between))
            )

        answers = ask_all(names, look)
    finally:
        engine.close()
    return [
        _report_trouble(name, answer) if isinstance(answer, OpsError) else answer
        for name, answer in zip(names, answers, strict=True)
    ]


def _report_trouble(name: str, error: OpsError) -> HostReport:
    is_unreachable = isinstance(error, HostUnreachable)
    return HostReport(name, trouble=error.message, hint=error.hint, is_unreachable=is_unreachable)


def read_variables(engine: Engine, name: str) -> dict[str, Any]:
    """What the inventory says of a host about where SPSE is."""
    known = [engine.extra, host_variables(engine.inventory, name), engine.inventory.variables(name)]
    seen = Variables(known)
    own = seen.among({*_FIELDS, _NAME, _PATH})
    return {key: engine.reader.templating.evaluate(value, seen) for key, value in own.items()}


def add_variables(arguments: Mapping[str, Any], variables: Mapping[str, Any]) -> dict[str, Any]:
    """The module's arguments for one host; what the command line says is stronger."""
    said: dict[str, Any] = {}
    for variable, field in _FIELDS.items():
        value = variables.get(variable)
        if value not in (None, ""):
            said[field] = _number(value) if field == "port" else str(value)
    names = list(arguments["_names"]) or [str(variables[name]) for name in {_NAME} & set(variables)]
    path = str(variables.get(_PATH, arguments["_path"]))
    return {**arguments, "_said": {**said, **arguments["_said"]}, "_names": names, "_path": path}


def _number(value: Any) -> int:
    """Templates give text; what is no port is the usual one."""
    text = str(value).strip()
    return int(text) if text.isdigit() and len(text) <= _LONGEST_PORT else 0

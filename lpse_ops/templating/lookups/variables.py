"""Lookups of variables and of the environment."""

import fnmatch
import os
import re
from pathlib import Path
from typing import Any

from jinja2.utils import missing

from lpse_ops.templating.lookups.call import LookupCall, LookupProblem
from lpse_ops.templating.markers import type_name
from lpse_ops.templating.natives import to_plain


def env(call: LookupCall) -> list[Any]:
    """Environment variables of the controller; ``default`` where one is not set, else ""."""
    call.only("default")
    fallback = call.option("default", "")
    return [os.environ.get(_name(term), fallback) for term in call.terms]


def variables(call: LookupCall) -> list[Any]:
    """Values of variables by name; ``default`` where there is none."""
    call.only("default")
    result = []
    for term in call.terms:
        if not isinstance(term, str):
            raise LookupProblem(f"Variable name must be 'str' not {type_name(term)!r}")
        value = call.scope.find(term)
        if value is missing:
            if "default" not in call.options:
                raise LookupProblem(f"No variable named {term!r} was found")
            value = call.options["default"]
        result.append(value)
    return result


def varnames(call: LookupCall) -> list[Any]:
    """Names of all variables that match a pattern."""
    names = [str(name) for name in call.scope.variables]
    result: list[Any] = []
    for term in call.terms:
        if not isinstance(term, str):
            raise LookupProblem(f"Invalid setting identifier: {term!r} is no string")
        try:
            pattern = re.compile(term)
        except re.error as error:
            raise LookupProblem(f"Unable to use {term!r} as a search: {error}") from None
        result.extend(name for name in names if pattern.search(name))
    return result


def config(call: LookupCall) -> list[Any]:
    """Settings of ``ansible.cfg`` and the environment, by the names that Ansible gives them."""
    call.only("on_missing")
    settings = call.scope.resolver.settings
    on_missing = call.choice("on_missing", "error", "warn", "skip")
    result = []
    for term in call.terms:
        name = str(term).lower()
        known = next((key for key in (name, name.removeprefix("default_")) if key in settings), "")
        if known:
            result.append(_setting(settings[known]))
        elif on_missing == "error":
            raise LookupProblem(f"there is no setting {term!r} here")
        elif on_missing == "warn":
            call.scope.resolver.warn(f"there is no setting {term!r} here")
    return result


def _setting(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_setting(each) for each in value]
    return str(value) if isinstance(value, Path) else value


def inventory_hostnames(call: LookupCall) -> list[Any]:
    """Hosts of the inventory that match patterns such as ``web:&prod:!db``."""
    found = call.scope.find("groups")
    groups = None if found is missing else to_plain(found)
    if not isinstance(groups, dict):
        raise LookupProblem("the lookup 'inventory_hostnames' needs the variable 'groups'")
    patterns = re.split(r"[,:]", ",".join(str(term) for term in call.terms))
    wanted = [part for part in patterns if part[:1] not in ("&", "!")]
    hosts = [host for part in wanted for host in _matching(part, groups)]
    for part in patterns:
        if part[:1] in ("&", "!"):
            named = set(_matching(part[1:], groups))
            hosts = [host for host in hosts if (host in named) == (part[0] == "&")]
    return list(dict.fromkeys(hosts))


def _matching(pattern: str, groups: dict[str, list[str]]) -> list[str]:
    names = [name for name in groups if fnmatch.fnmatchcase(name, pattern)]
    hosts = [host for name in names for host in groups[name]]
    return hosts + [host for host in groups.get("all", []) if fnmatch.fnmatchcase(host, pattern)]


def _name(term: Any) -> str:
    words = str(term).split()
    return words[0] if words else ""


LOOKUPS = {
    "config": config,
    "env": env,
    "inventory_hostnames": inventory_hostnames,
    "varnames": varnames,
    "vars": variables,
}

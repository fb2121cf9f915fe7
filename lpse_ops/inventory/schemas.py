"""JSON Schemas of an inventory in YAML, for editors; made from the table of variables.

They say less than the rules of ``validate``, which see all files at once.
"""

import json
from collections.abc import Mapping
from typing import Any

from lpse_ops.inventory.fleetvariables import GROUP, VARIABLES

_DRAFT = "http://json-schema.org/draft-07/schema#"
_TEMPLATE = {"type": "string", "pattern": r"\{\{"}
_PORT = {"type": "integer", "minimum": 1, "maximum": 65535}
# How a host is reached: what is most often written, so that an editor offers it.
_CONNECTION: Mapping[str, tuple[str, Any]] = {
    "ansible_host": ("Address at which this machine reaches the host.", {"type": "string"}),
    "ansible_port": ("Port of SSH there.", {"anyOf": [_PORT, _TEMPLATE]}),
    "ansible_user": ("Account to log in as.", {"type": "string"}),
    "ansible_become": ("Whether to work as root.", {"anyOf": [{"type": "boolean"}, _TEMPLATE]}),
    "ansible_connection": ("ssh, or local for this machine.", {"type": "string"}),
    "ansible_ssh_private_key_file": ("Key to log in with.", {"type": "string"}),
    "ansible_ssh_common_args": ("More arguments of ssh.", {"type": "string"}),
    "ansible_python_interpreter": ("Python of the host.", {"type": "string"}),
}


def variables_schema() -> dict[str, Any]:
    """Files of ``group_vars/spse`` and of ``host_vars`` of its hosts."""
    return {
        "$schema": _DRAFT,
        "title": f"Variables of the hosts of the group {GROUP}",
        "type": ["object", "null"],
        "properties": {**_connection(), **_fleet()},
    }


def inventory_schema() -> dict[str, Any]:
    """A file of hosts: groups with hosts, vars and children."""
    group = {"$ref": "#/definitions/group"}
    return {
        "$schema": _DRAFT,
        "title": "Inventory",
        "description": "Groups, each with hosts:, vars: and children:.",
        "type": "object",
        "minProperties": 1,
        "properties": {GROUP: {"$ref": "#/definitions/spse"}},
        "additionalProperties": group,
        "definitions": {
            "connection": _variables(_connection()),
            "fleet": _variables({**_connection(), **_fleet()}),
            "group": _group("connection"),
            "spse": _group("fleet"),
        },
    }


SCHEMAS = {"inventory": inventory_schema, "spse": variables_schema}


def render_schema(name: str) -> str:
    """The text of the file ``NAME.schema.json``."""
    return json.dumps(SCHEMAS[name](), indent=2, ensure_ascii=False) + "\n"


def _group(variables: str) -> dict[str, Any]:
    values = {"$ref": f"#/definitions/{variables}"}
    below = {GROUP: {"$ref": "#/definitions/spse"}}
    return {
        "type": ["object", "null"],
        "additionalProperties": False,
        "properties": {
            "hosts": {
                "description": "One host in each line, with ':' behind it.",
                "type": ["object", "null"],
                "additionalProperties": values,
            },
            "vars": values,
            "children": {
                "description": "Groups below this one, with ':' behind each.",
                "type": ["object", "null"],
                "properties": below,
                "additionalProperties": {"$ref": "#/definitions/group"},
            },
        },
    }


def _variables(properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": ["object", "null"], "properties": properties}


def _connection() -> dict[str, Any]:
    return {name: {"description": text, **kind} for name, (text, kind) in _CONNECTION.items()}


def _fleet() -> dict[str, Any]:
    return {
        each.name: {"description": f"{each.meaning}\nExample: {each.example}", **each.schema}
        for each in VARIABLES
    }

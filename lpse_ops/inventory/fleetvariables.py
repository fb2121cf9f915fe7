"""The variables that describe an SPSE server: one table for rules, documentation and schemas.

A server is an SPSE server when it is in the group ``spse``.  LKPP has to be told how to reach it
and may come only from its own addresses; the rest is what keeps it alive and what auditors ask.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

GROUP = "spse"
ZONES = ("Asia/Jakarta", "Asia/Pontianak", "Asia/Makassar", "Asia/Jayapura")

_TEMPLATE = {"type": "string", "pattern": r"\{\{"}
_TEXT = {"type": "string", "minLength": 1}


class Variable(NamedTuple):
    """``example`` is one line of YAML; ``rules`` are the ids of those that look at the variable."""

    name: str
    meaning: str
    example: str
    schema: Mapping[str, Any]
    rules: tuple[str, ...]
    is_needed: bool = True


def _or_template(schema: Mapping[str, Any]) -> dict[str, Any]:
    return {"anyOf": [schema, _TEMPLATE]}


def _one_or_more(schema: Mapping[str, Any]) -> dict[str, Any]:
    return {"anyOf": [schema, {"type": "array", "items": schema, "minItems": 1}]}


_DESTINATION = {
    "anyOf": [
        _TEXT,
        {
            "type": "object",
            "required": ["location"],
            "additionalProperties": False,
            "properties": {
                "name": _TEXT,
                "location": {
                    **_TEXT,
                    "description": "A folder, sftp:USER@HOST:/PATH or s3:https://HOST/BUCKET/PATH.",
                },
                "kept_at": {**_TEXT, "description": "Where it is kept, away from the server room."},
                "disk": {
                    "type": "object",
                    "description": "A portable disk.",
                    "properties": {"uuid": _TEXT, "kept_at": _TEXT},
                },
            },
        },
    ]
}

VARIABLES = (
    Variable(
        "spse_public_address",
        "Address at which users and LKPP reach the server from the internet.",
        "spse_public_address: 203.0.113.10",
        _or_template({"type": "string", "pattern": r"^[0-9A-Fa-f.:]+$"}),
        ("spse-public-address",),
    ),
    Variable(
        "spse_domain",
        "Domain name of SPSE, without https:// and path.",
        "spse_domain: spse.contohkab.go.id",
        _or_template({"type": "string", "pattern": r"^[A-Za-z0-9.-]+\.[A-Za-z0-9-]+(/[\w-]+)?$"}),
        ("spse-domain", "spse-domain-ending"),
    ),
    Variable(
        "ssh_port",
        "Port of SSH as LKPP is told it.",
        "ssh_port: 22",
        _or_template({"type": "integer", "minimum": 1, "maximum": 65535}),
        ("ssh-port",),
    ),
    Variable(
        "lkpp_addresses",
        "Networks that LKPP connects from, nobody else; `lkpp: addresses:` of lpse-ops.yml counts "
        "as well.",
        "lkpp_addresses: [198.51.100.0/28]",
        _or_template(
            {
                "type": "array",
                "minItems": 1,
                "items": {"type": "string", "pattern": r"^[0-9A-Fa-f.:]+(/[0-9]{1,3})?$"},
            }
        ),
        ("lkpp-addresses",),
    ),
    Variable(
        "ansible_ssh_host_key",
        "Public host key of the server, or a list of them, as `ssh-keyscan HOST` shows it, "
        "compared on the server's own console.",
        "ansible_ssh_host_key: ssh-ed25519 "
        "AAAAC3NzaC1lZDI1NTE5AAAAIJYmTi9f2Mf8TbZyvO2GYjVPuPyXzTTUtQcq4aHPwXnC",
        _one_or_more(_TEXT),
        ("host-key",),
        is_needed=False,
    ),
    Variable(
        "ssh_known_hosts",
        "Instead of ansible_ssh_host_key: lines of a known_hosts file that name the server.",
        "ssh_known_hosts: ['spse-1 ssh-ed25519 "
        "AAAAC3NzaC1lZDI1NTE5AAAAIJYmTi9f2Mf8TbZyvO2GYjVPuPyXzTTUtQcq4aHPwXnC']",
        _one_or_more(_TEXT),
        ("host-key",),
        is_needed=False,
    ),
    Variable(
        "backup_destinations",
        "Where the backups of the server go: at least one on another machine or disk, and one "
        "away from the server room (`kept_at`).",
        "backup_destinations: [{location: /mnt/disk-a/repo, kept_at: Brankas Setda}, "
        "{location: 's3:https://s3.example.id/lpse-contoh'}]",
        _or_template({"type": "array", "minItems": 1, "items": _DESTINATION}),
        ("backup-destination",),
    ),
    Variable(
        "ups",
        "Name of the UPS that the server hangs on, as NUT calls it; two power supplies, two names.",
        "ups: smart-ups@nut.contohkab.go.id",
        _one_or_more(_TEXT),
        ("ups",),
    ),
    Variable(
        "warranty_until",
        "Last day of the server's warranty.",
        "warranty_until: 2029-03-31",
        _or_template({"type": "string", "pattern": r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"}),
        ("warranty", "warranty-end"),
    ),
    Variable(
        "time_zone",
        "Time zone of the LPSE: Asia/Jakarta (WIB), Asia/Makassar (WITA) or Asia/Jayapura (WIT).",
        "time_zone: Asia/Makassar",
        _or_template({"enum": list(ZONES)}),
        ("time-zone",),
    ),
)
NAMES = frozenset(each.name for each in VARIABLES)


def example_of(name: str) -> str:
    """How a variable is written: what a hint shows."""
    return next(each.example for each in VARIABLES if each.name == name)

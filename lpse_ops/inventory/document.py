"""Values of an inventory as JSON and YAML that Ansible reads again; sealed ones stay sealed."""

import json
from collections.abc import Mapping
from typing import Any

import yaml

from lpse_ops.marked import Sealed, Text

_VAULT, _UNSAFE = "__ansible_vault", "__ansible_unsafe"
SEALED = "<sealed>"


def to_json(value: Any, *, mark_unsafe: bool) -> str:
    """Return JSON with sorted keys; strings that are no templates say so if ``mark_unsafe``."""
    return json.dumps(simplify(value, mark_unsafe=mark_unsafe), indent=4, sort_keys=True)


def to_yaml(value: Any) -> str:
    return str(yaml.dump(_simple_yaml(value), Dumper=_Dumper, default_flow_style=False))


def to_line(value: Any) -> str:
    """Return a value in one line, for a person to read; what is sealed is not shown."""
    if isinstance(value, Sealed):
        return SEALED
    if isinstance(value, str):
        return str(value)
    return str(_without_sealed(value))


def simplify(value: Any, *, mark_unsafe: bool) -> Any:
    """Return what ``json`` can write; a sealed value is its ciphertext, as Ansible writes it."""
    if isinstance(value, Sealed):
        return {_VAULT: value.ciphertext}
    if isinstance(value, str):
        is_marked = mark_unsafe and not isinstance(value, Text)
        return {_UNSAFE: value} if is_marked else str(value)
    if isinstance(value, Mapping):
        pairs = value.items()
        return {_key(key): simplify(each, mark_unsafe=mark_unsafe) for key, each in pairs}
    if isinstance(value, list | tuple | set):
        return [simplify(each, mark_unsafe=mark_unsafe) for each in value]
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    return value.isoformat() if hasattr(value, "isoformat") else value


def _key(key: Any) -> str:
    """Keys are sorted, so all of them become text; true is written as JSON writes it."""
    if isinstance(key, bool) or key is None:
        return json.dumps(key)
    return str(key)


def _simple_yaml(value: Any) -> Any:
    if isinstance(value, str):
        return str(value)
    if isinstance(value, Mapping):
        return {_simple_yaml(key): _simple_yaml(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_simple_yaml(each) for each in value]
    return value


def _without_sealed(value: Any) -> Any:
    if isinstance(value, Sealed):
        return SEALED
    if isinstance(value, Mapping):
        return {_simple_yaml(key): _without_sealed(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_without_sealed(each) for each in value]
    return str(value) if isinstance(value, str) else value


class _Dumper(yaml.SafeDumper):
    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 - as yaml calls it
        # A person reads this; the same list twice is easier to read than a reference.
        return True


def _represent_sealed(dumper: yaml.SafeDumper, value: Sealed) -> yaml.Node:
    return dumper.represent_scalar("!vault", value.ciphertext, style="|")


_Dumper.add_representer(Sealed, _represent_sealed)

"""Filters to and from JSON and YAML; the only place where templates meet ``yaml``."""

import json
from typing import Any

import yaml

from lpse_ops.marked import plain
from lpse_ops.templating.filters.problem import FilterProblem
from lpse_ops.templating.natives import to_plain

_MAX_CHARACTERS = 16 * 1024 * 1024
# What Ansible understands as a switch of its own; it makes no difference here.
_IGNORED = ("vault_to_text", "preprocess_unsafe")

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def to_json(value: Any, **options: Any) -> str:
    return _dump_json(value, options)


def to_nice_json(value: Any, indent: Any = 4, sort_keys: bool = True, **options: Any) -> str:
    options = {"separators": (",", ": "), **options}
    return _dump_json(value, {"indent": indent, "sort_keys": sort_keys, **options})


def _dump_json(value: Any, options: dict[str, Any]) -> str:
    kept = {key: each for key, each in options.items() if key not in _IGNORED}
    try:
        return json.dumps(to_plain(value), default=_to_json_text, **kept)
    except (TypeError, ValueError) as error:
        raise FilterProblem(f"to_json: {error}") from None


def _to_json_text(value: Any) -> Any:
    if hasattr(value, "isoformat"):
        return value.isoformat()
    raise TypeError(f"a value of type {type(value).__name__!r} has no JSON")


def from_json(value: Any, profile: str | None = None, **options: Any) -> Any:
    _check_text(value, "from_json")
    if profile in ("legacy", "inventory_legacy"):
        # What ansible-inventory marks as no template is a string, as all strings from here are.
        options["object_hook"] = lambda found: found.get("__ansible_unsafe", found)
    try:
        return json.loads(value, **options)
    except (ValueError, RecursionError) as error:
        raise FilterProblem(f"from_json: {error}") from None


class _Dumper(yaml.SafeDumper):
    """Indents lists as PyYAML does, and writes no aliases that a reader would stumble over."""


def to_yaml(value: Any, default_flow_style: Any = None, **options: Any) -> str:
    return _dump_yaml(value, {"default_flow_style": default_flow_style, **options})


def to_nice_yaml(
    value: Any, indent: int = 4, default_flow_style: Any = False, **options: Any
) -> str:
    return _dump_yaml(
        value, {"indent": indent, "default_flow_style": default_flow_style, **options}
    )


def _dump_yaml(value: Any, options: dict[str, Any]) -> str:
    kept = {key: each for key, each in options.items() if key not in ("dump_vault_tags", *_IGNORED)}
    try:
        told = plain(to_plain(value))
        text = str(yaml.dump(told, Dumper=_Dumper, **{"allow_unicode": True, **kept}))
        return text.removesuffix("...\n")
    except (yaml.YAMLError, TypeError, ValueError) as error:
        raise FilterProblem(f"to_yaml: {error}") from None


def from_yaml(value: Any) -> Any:
    if value is None:
        return None
    _check_text(value, "from_yaml")
    try:
        return yaml.load(str(value), Loader=_LOADER)  # noqa: S506
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise FilterProblem(f"from_yaml: {_brief(error)}") from None


def from_yaml_all(value: Any) -> Any:
    if value is None:
        return []
    _check_text(value, "from_yaml_all")
    try:
        return list(yaml.load_all(str(value), Loader=_LOADER))
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise FilterProblem(f"from_yaml_all: {_brief(error)}") from None


def _brief(error: Exception) -> str:
    """What is wrong and where, without the text itself: it may be a secret."""
    mark = getattr(error, "problem_mark", None)
    where = f" in line {mark.line + 1}" if mark else ""
    return f"{getattr(error, 'problem', None) or 'no YAML'}{where}"


def _check_text(value: Any, name: str) -> None:
    if not isinstance(value, str):
        raise FilterProblem(f"{name} needs a string, not {type(value).__name__!r}")
    if len(value) > _MAX_CHARACTERS:
        raise FilterProblem(f"{name}: more than {_MAX_CHARACTERS >> 20} Mi characters")


FILTERS = {
    "from_json": from_json,
    "from_yaml": from_yaml,
    "from_yaml_all": from_yaml_all,
    "to_json": to_json,
    "to_nice_json": to_nice_json,
    "to_nice_yaml": to_nice_yaml,
    "to_yaml": to_yaml,
}

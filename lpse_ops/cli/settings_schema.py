"""``settings.schema.json`` applied: what is wrong in a settings file, where, and what to do.

The only module that imports ``jsonschema``.
"""

import difflib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from jsonschema import Draft202012Validator, FormatChecker

from lpse_ops.cli.settings_values import CHECKS, EXAMPLE_HINT, find_database_name
from lpse_ops.errors import SettingsError, SettingsNotFilledIn
from lpse_ops.yamlfile import YamlDocument, YamlPath

_FILL_IN = "fill in what stands after the key"
_KINDS = {
    "string": "text",
    "array": "a list",
    "object": "a section of keys",
    "integer": "a whole number",
    "boolean": "true or false",
}


def check_settings(document: YamlDocument) -> None:
    """Raise one SettingsError that holds a line for each error of the file."""
    problems = list(_find_problems(document))
    if not problems:
        return
    problems.sort(key=lambda problem: document.position_of(problem.path, key=problem.at_key))
    lines = [f"{document.place_of(p.path, key=p.at_key)}: {p.message}" for p in problems]
    kind = SettingsNotFilledIn if all(p.is_empty for p in problems) else SettingsError
    raise kind(
        "\n".join(dict.fromkeys(lines)),
        hint=next((p.hint for p in problems if p.hint), EXAMPLE_HINT),
    )


@dataclass(frozen=True)
class _Problem:
    path: YamlPath
    message: str
    hint: str = ""
    at_key: bool = False

    @property
    def is_empty(self) -> bool:
        return self.hint == _FILL_IN


def _find_problems(document: YamlDocument) -> Iterator[_Problem]:
    schema = json.loads(files("lpse_ops.cli").joinpath("settings.schema.json").read_text("utf-8"))
    validator = Draft202012Validator(schema, format_checker=_format_checker())
    # An empty file lacks what is required; it is not of the wrong type.
    value = {} if document.value is None else document.value
    for error in validator.iter_errors(value):
        yield from EXPLANATIONS[error.validator](tuple(error.absolute_path), error)
    backup = value.get("backup") if isinstance(value, dict) else None
    if isinstance(backup, dict):
        yield from _check_names(backup, "destinations", lambda item: item.get("name") or None)
        yield from _check_names(backup, "databases", _dump_name)


def _format_checker() -> FormatChecker:
    checker = FormatChecker(formats=())
    for name, check in CHECKS.items():
        checker.checks(name, raises=SettingsError)(_only_for_text(check))
    return checker


def _only_for_text(check: Callable[[str], None]) -> Callable[[object], bool]:
    def accept(value: object) -> bool:
        if isinstance(value, str):
            check(value)
        return True

    return accept


def _explain_unknown(path: YamlPath, error: Any) -> Iterator[_Problem]:
    known = list(error.schema["properties"])
    for key in error.instance:
        if key not in known:
            near = difflib.get_close_matches(str(key), known, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"known here: {', '.join(known)}"
            yield _Problem((*path, key), f"unknown key {str(key)!r}", hint, at_key=True)


def _explain_missing(path: YamlPath, error: Any) -> Iterator[_Problem]:
    for key in error.validator_value:
        if key not in error.instance:
            yield _Problem(path, f"{_label((*path, key))} is missing", at_key=bool(path))


def _explain_type(path: YamlPath, error: Any) -> Iterator[_Problem]:
    if error.instance is None:
        yield _Problem(path, f"{_label(path)} is empty", _FILL_IN)
        return
    wanted = str(error.validator_value)
    hint = "put it in quotes" if wanted == "string" else ""
    yield _Problem(path, f"{_label(path)} must be {_KINDS[wanted]}", hint)


def _explain_empty(path: YamlPath, _: Any) -> Iterator[_Problem]:
    yield _Problem(path, f"{_label(path)} is empty", _FILL_IN)


def _explain_enum(path: YamlPath, error: Any) -> Iterator[_Problem]:
    known = ", ".join(value for value in error.validator_value if isinstance(value, str))
    yield _Problem(path, f"{_label(path)} must be one of {known}")


def _explain_minimum(path: YamlPath, error: Any) -> Iterator[_Problem]:
    yield _Problem(path, f"{_label(path)} must be {error.validator_value} or more")


def _explain_twice(path: YamlPath, _: Any) -> Iterator[_Problem]:
    yield _Problem(path, f"{_label(path)} holds the same entry twice")


def _explain_format(path: YamlPath, error: Any) -> Iterator[_Problem]:
    yield _Problem(path, f"{_label(path)} {error.cause.message}", error.cause.hint)


# Says in the words of the settings file what jsonschema found; a keyword for each in the schema.
EXPLANATIONS: dict[Any, Callable[[YamlPath, Any], Iterator[_Problem]]] = {
    "additionalProperties": _explain_unknown,
    "enum": _explain_enum,
    "format": _explain_format,
    "minLength": _explain_empty,
    "minimum": _explain_minimum,
    "required": _explain_missing,
    "type": _explain_type,
    "uniqueItems": _explain_twice,
}


def _check_names(
    backup: dict[str, Any], section: str, name_of: Callable[[dict[str, Any]], Any]
) -> Iterator[_Problem]:
    """Names in a list are there for every entry, and different."""
    entries = backup.get(section)
    seen: set[str] = set()
    for index, entry in enumerate(entries if isinstance(entries, list) else ()):
        path = ("backup", section, index)
        name = name_of(entry) if isinstance(entry, dict) else None
        if not isinstance(name, str):
            continue
        if name == "":
            hint = "add name: under it; the dump is stored under that name"
            yield _Problem(path, f"{_label(path)} needs a name: its URL names no database", hint)
        elif name in seen:
            hint = "give each of them its own name"
            yield _Problem(path, f"{_label(path)} has the name {name!r} of an earlier one", hint)
        seen.add(name)


def _dump_name(database: dict[str, Any]) -> Any:
    """Return the name; "" when one is needed; None when the URL is wrong, which is said already."""
    url = database.get("url")
    try:
        CHECKS["database-url"](str(url))
    except SettingsError:
        return database.get("name")
    return database.get("name") or find_database_name(str(url)) or ""


def _label(path: YamlPath) -> str:
    if not path:
        return "the file"
    steps = (f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
    return "".join(steps).removeprefix(".")

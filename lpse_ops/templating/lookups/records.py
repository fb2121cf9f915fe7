"""Lookups of single values in INI, properties and CSV files."""

import configparser
import csv
import io
import re
from dataclasses import replace
from typing import Any

from lpse_ops.errors import OpsError, TemplateError
from lpse_ops.templating.lookups.call import LookupCall, LookupProblem
from lpse_ops.templating.lookups.contents import read_bytes
from lpse_ops.templating.lookups.inline import Inline, read_inline

_INI_OPTIONS = (
    "type", "file", "section", "re", "encoding", "default", "case_sensitive", "allow_no_value",
    "allow_none", "interpolation",
)  # fmt: skip
_CSV_OPTIONS = ("file", "delimiter", "encoding", "default", "col", "keycol")
_PROPERTIES = "java_properties"


def ini(call: LookupCall) -> list[Any]:
    """Values of keys of an INI file, or of a properties file."""
    call.only(*_INI_OPTIONS)
    result: list[Any] = []
    for term in call.terms:
        key, options = _read_ini_term(str(term))
        # As Ansible has it, what one term says holds for those behind it too.
        call = replace(call, options={**call.options, **options})
        result += _listed(_ini_value(call, key or str(term)))
    return result


def _read_ini_term(term: str) -> Inline:
    """``key section=x file=y``: words that name no option belong to the one before."""
    parts: list[str] = []
    for word in term.split():
        if not parts or any(f"{name}=" in word for name in _INI_OPTIONS):
            parts.append(word)
        else:
            parts[-1] += f" {word}"
    keys = [part for part in parts if "=" not in part]
    options = dict(part.partition("=")[::2] for part in parts if "=" in part)
    for name in options:
        if name not in _INI_OPTIONS:
            raise LookupProblem(f"{name!r} is not a valid option of the lookup 'ini'")
    if options and not keys:
        raise LookupProblem(
            f"No key to look up was provided as first term within string inline options: {term}"
        )
    return Inline(keys[0] if keys else None, options)


def _ini_value(call: LookupCall, key: str) -> Any:
    file = str(call.option("file", "ansible.ini"))
    is_properties = call.choice("type", "ini", "properties") == "properties"
    section = _PROPERTIES if is_properties else str(call.option("section", "global"))
    text = _read(call, file)
    parser = _ini_parser(call)
    try:
        parser.read_string(f"[{_PROPERTIES}]\n{text}" if is_properties else text)
        if call.flag("re", default=False):
            return [value for name, value in parser.items(section) if re.match(key, name)]
        return parser.get(section, key)
    except configparser.NoOptionError:
        return call.option("default", "")
    except configparser.DuplicateOptionError as error:
        raise LookupProblem(f"Duplicate option in {file!r}: {error.message}") from None
    except configparser.NoSectionError:
        raise LookupProblem(f"No section {section!r} in {file!r}") from None
    except configparser.Error as error:
        raise LookupProblem(f"{file}: {error.message}") from None
    except re.error as error:
        raise LookupProblem(f"{key!r} is no regular expression: {error}") from None


def _ini_parser(call: LookupCall) -> configparser.ConfigParser:
    allows = call.flag("allow_no_value", default=call.flag("allow_none", default=False))
    is_raw = not call.flag("interpolation", default=True)
    parser = configparser.ConfigParser(
        allow_no_value=allows,
        interpolation=None if is_raw else configparser.BasicInterpolation(),
    )
    if call.flag("case_sensitive", default=False):
        parser.optionxform = str  # type: ignore[assignment,method-assign]
    return parser


def csvfile(call: LookupCall) -> list[Any]:
    """The value in a column of the first line whose key column is the term."""
    call.only(*_CSV_OPTIONS)
    if not call.terms:
        raise LookupProblem("Search key is required but was not found")
    result: list[Any] = []
    for term in call.terms:
        key, options = read_inline(str(term))
        if key is None:
            raise LookupProblem("Search key is required but was not found")
        call = replace(call, options={**call.options, **options})
        call.only(*_CSV_OPTIONS)
        result += _listed(_csv_value(call, key))
    return result


def _csv_value(call: LookupCall, key: str) -> Any:
    column, key_column = call.number("col", 1), call.number("keycol", 0)
    file, delimiter = str(call.option("file", "ansible.csv")), str(call.option("delimiter", "TAB"))
    lines = io.StringIO(_read(call, file), newline=None)
    try:
        for row in csv.reader(lines, delimiter="\t" if delimiter == "TAB" else delimiter):
            if row and row[key_column] == key:
                return row[column]
    except IndexError:
        raise LookupProblem(f"a line of {file!r} has fewer columns than are asked for") from None
    except (csv.Error, TypeError, ValueError) as error:
        raise LookupProblem(f"{file!r} cannot be read as CSV: {error}") from None
    return call.option("default")


def _read(call: LookupCall, file: str) -> str:
    encoding = str(call.option("encoding", "utf-8"))
    try:
        path = call.find("files", file)
    except OpsError as error:
        # The words that people look for, before the places that were looked at.
        message = f"No such file or directory: {error.message}"
        raise TemplateError(message, hint="check the name of the file") from error
    try:
        return read_bytes(path).decode(encoding)
    except (LookupError, UnicodeDecodeError) as error:
        raise LookupProblem(f"{file!r} cannot be read as {encoding}: {error}") from None


def _listed(value: Any) -> list[Any]:
    """What one term gives: a list gives all its items, None nothing."""
    if isinstance(value, list):
        return value
    return [] if value is None else [value]


LOOKUPS = {"csvfile": csvfile, "ini": ini}

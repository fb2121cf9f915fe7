"""Lookups of single values in INI, properties and CSV files."""

import configparser
import csv
import re
from collections.abc import Iterator
from typing import Any

from lpse_ops.templating.lookups.call import LookupCall, LookupProblem
from lpse_ops.templating.lookups.contents import read_bytes


def ini(call: LookupCall) -> list[Any]:
    """Values of keys of an INI file, or of a properties file."""
    call = _with_inline_options(call, "file")
    call.only(
        "type", "file", "section", "re", "encoding", "default", "case_sensitive", "allow_no_value",
        "allow_none", "interpolation",
    )  # fmt: skip
    parser = _ini_parser(call)
    path = call.find("files", str(call.option("file", "ansible.ini")))
    text = read_bytes(path).decode(call.option("encoding", "utf-8"), "surrogateescape")
    is_properties = call.option("type", "ini") == "properties"
    section = "java_properties" if is_properties else str(call.option("section", "global"))
    try:
        parser.read_string(f"[java_properties]\n{text}" if is_properties else text)
        return [each for term in call.terms for each in _ini_values(parser, section, term, call)]
    except (configparser.DuplicateOptionError, configparser.DuplicateSectionError) as error:
        raise LookupProblem(f"Duplicate option in {path}: {error.message}") from None
    except configparser.Error as error:
        raise LookupProblem(f"{path}: {error.message}") from None


def _ini_parser(call: LookupCall) -> configparser.ConfigParser:
    allow = call.option("allow_no_value", call.option("allow_none", False))
    options: dict[str, Any] = {"allow_no_value": bool(allow)}
    if not call.option("interpolation", True):
        options["interpolation"] = None
    parser = configparser.ConfigParser(**options)
    if call.option("case_sensitive", False):
        parser.optionxform = str  # type: ignore[assignment,method-assign]
    return parser


def _ini_values(
    parser: configparser.ConfigParser, section: str, term: Any, call: LookupCall
) -> Iterator[Any]:
    key = str(term)
    if call.option("re", False):
        if parser.has_section(section):
            yield from (value for name, value in parser.items(section) if re.match(key, name))
        return
    default = call.option("default", "")
    try:
        yield parser.get(section, key)
    except configparser.NoOptionError:
        if default is not None:
            yield default


def csvfile(call: LookupCall) -> list[Any]:
    """The value in a column of the line whose key column is the term."""
    if not call.terms:
        raise LookupProblem("Search key is required but was not found")
    values = (_csv_value(_with_inline_options(call, "file", term)) for term in call.terms)
    return [value for value in values if value is not None]


def _csv_value(call: LookupCall) -> Any:
    call.only("file", "delimiter", "encoding", "default", "col", "keycol")
    key = str(call.terms[0]).strip()
    if not key or key.startswith(("file=", "delimiter=", "col=")):
        raise LookupProblem("Search key is required but was not found")
    path = call.find("files", str(call.option("file", "ansible.csv")))
    delimiter = str(call.option("delimiter", "TAB"))
    delimiter = "\t" if delimiter in ("TAB", "t", "\\t") else delimiter
    text = read_bytes(path).decode(call.option("encoding", "utf-8"), "surrogateescape")
    column, key_column = int(call.option("col", 1)), int(call.option("keycol", 0))
    for row in csv.reader(text.splitlines(), delimiter=delimiter):
        if len(row) > max(column, key_column) and row[key_column] == str(call.terms[0]):
            return row[column]
    return call.option("default")


def _with_inline_options(call: LookupCall, mark: str, term: Any = None) -> LookupCall:
    """Terms of the old form ``key file=x col=2`` carry options of their own."""
    terms, options = [], dict(call.options)
    for each in call.terms if term is None else [term]:
        words = str(each).split()
        pairs = [word for word in words[1:] if "=" in word]
        if call.name == "ini" and words and words[0].startswith(f"{mark}="):
            raise LookupProblem(
                "No key to look up was provided as first term within string inline options"
            )
        if call.name == "ini" and re.fullmatch(r"[a-z_]+=\S*", str(each)):
            options[str(each).partition("=")[0]] = ""
        if pairs and f"{mark}=" in str(each):
            options.update(dict(pair.partition("=")[::2] for pair in pairs))
            each = words[0]
        terms.append(each)
    return LookupCall(call.name, terms, options, call.scope)


LOOKUPS = {"csvfile": csvfile, "ini": ini}

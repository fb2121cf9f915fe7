"""The tests of ansible-core on values and files: what may stand after ``is``."""

import math
import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from lpse_ops.marked import Revealed
from lpse_ops.templating.filters.problem import FilterProblem
from lpse_ops.templating.filters.texts import to_text
from lpse_ops.templating.natives import to_plain
from lpse_ops.templating.versions import compare
from lpse_ops.vault import HEADER, is_sealed

_TRUE = frozenset({"y", "yes", "on", "1", "true", "t", "1.0"})
_FALSE = frozenset({"n", "no", "off", "0", "false", "f", "0.0"})


def _find(value: Any, pattern: Any, how: str, flags: dict[str, Any]) -> bool:
    wanted = re.IGNORECASE if flags.get("ignorecase") else 0
    wanted |= re.MULTILINE if flags.get("multiline") else 0
    try:
        compiled = re.compile(to_text(pattern), wanted)
    except re.error as error:
        raise FilterProblem(f"{pattern!r} is no regular expression: {error}") from None
    return bool(getattr(compiled, how)(to_text(value)))


def regex(
    value: Any,
    pattern: Any = "",
    ignorecase: bool = False,
    multiline: bool = False,
    match_type: str = "search",
) -> bool:
    if match_type not in ("search", "match", "fullmatch"):
        raise FilterProblem(f"regex: {match_type!r} is none of search, match, fullmatch")
    return _find(value, pattern, match_type, {"ignorecase": ignorecase, "multiline": multiline})


def match(value: Any, pattern: Any = "", ignorecase: bool = False, multiline: bool = False) -> bool:
    return regex(value, pattern, ignorecase, multiline, "match")


def search(
    value: Any, pattern: Any = "", ignorecase: bool = False, multiline: bool = False
) -> bool:
    return regex(value, pattern, ignorecase, multiline, "search")


def truthy(value: Any, convert_bool: bool = False) -> bool:
    word = str(value).strip().lower() if convert_bool else ""
    return word in _TRUE if word in _TRUE | _FALSE else bool(value)


def falsy(value: Any, convert_bool: bool = False) -> bool:
    return not truthy(value, convert_bool)


def version(
    value: Any,
    other: Any,
    operator: str = "eq",
    strict: Any = None,
    version_type: Any = None,
) -> bool:
    if strict is not None and version_type:
        raise FilterProblem("version: give strict or version_type, not both")
    if value in (None, ""):
        raise FilterProblem("version: the input version value cannot be empty")
    if other in (None, ""):
        raise FilterProblem("version: the version to compare against cannot be empty")
    kind = "strict" if strict else version_type or "loose"
    return compare(to_text(value), to_text(other), operator, kind)


def subset(value: Any, other: Any) -> bool:
    return all(each in to_plain(other) for each in to_plain(value))


def superset(value: Any, other: Any) -> bool:
    return subset(other, value)


def contains(value: Any, item: Any) -> bool:
    return item in value


def _bools(value: Any, name: str) -> list[Any]:
    if not isinstance(value, Iterable):
        raise FilterProblem(f"the test {name!r} needs a list")
    return list(value)


def is_all(value: Any) -> bool:
    return all(_bools(value, "all"))


def is_any(value: Any) -> bool:
    return any(_bools(value, "any"))


def is_nan(value: Any) -> bool:
    try:
        return math.isnan(value)
    except TypeError:
        return False


def _file(check: Any) -> Any:
    return lambda value: bool(check(to_text(value)))


def same_file(value: Any, other: Any) -> bool:
    return os.path.samefile(value, other)


def vault_encrypted(value: Any) -> bool:
    """Whether the value is the text of a ``!vault``, which was opened when it was asked for."""
    return isinstance(value, Revealed)


def vaulted_file(value: Any) -> bool:
    try:
        with Path(to_text(value)).open("rb") as stream:
            return is_sealed(stream.read(len(HEADER)))
    except (OSError, ValueError) as error:
        raise FilterProblem(f"vaulted_file: cannot read {value!r}: {error}") from None


def uri(value: Any, schemes: Any = None) -> bool:
    try:
        parts = urlsplit(value)
    except (ValueError, TypeError, AttributeError):
        return False
    return not schemes or parts.scheme in schemes


def url(value: Any, schemes: Any = None) -> bool:
    if not uri(value, schemes):
        return False
    parts = urlsplit(value)
    return bool(parts.netloc) or parts.scheme == "file"


def urn(value: Any) -> bool:
    return uri(value, ["urn"])


TESTS: dict[str, Any] = {
    "abs": _file(os.path.isabs),
    "all": is_all,
    "any": is_any,
    "contains": contains,
    "directory": _file(os.path.isdir),
    "exists": _file(os.path.exists),
    "falsy": falsy,
    "file": _file(os.path.isfile),
    "is_abs": _file(os.path.isabs),
    "is_dir": _file(os.path.isdir),
    "is_file": _file(os.path.isfile),
    "is_link": _file(os.path.islink),
    "is_mount": _file(os.path.ismount),
    "is_same_file": same_file,
    "isnan": is_nan,
    "issubset": subset,
    "issuperset": superset,
    "link": _file(os.path.islink),
    "link_exists": _file(os.path.lexists),
    "match": match,
    "mount": _file(os.path.ismount),
    "nan": is_nan,
    "regex": regex,
    "same_file": same_file,
    "search": search,
    "subset": subset,
    "superset": superset,
    "truthy": truthy,
    "uri": uri,
    "url": url,
    "urn": urn,
    "vault_encrypted": vault_encrypted,
    "vaulted_file": vaulted_file,
    "version": version,
    "version_compare": version,
}

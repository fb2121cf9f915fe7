"""Lookups of files of the site: what is in them, and which of them there are.

What is in a file is a plain string, never a template; only ``template`` renders.
"""

import contextlib
import glob
import os
import re
from collections import ChainMap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from jinja2.utils import missing

from lpse_ops.errors import OpsError
from lpse_ops.templating.lookups.call import LookupCall, LookupProblem
from lpse_ops.templating.natives import to_plain
from lpse_ops.templating.ownvariables import search_folders, template_folders, template_variables

_MAX_BYTES = 64 * 1024 * 1024


def read_file(call: LookupCall) -> list[Any]:
    call.only("rstrip", "lstrip")
    result = []
    for term in call.terms:
        text = read_text(call.find("files", str(term)))
        text = text.lstrip() if call.flag("lstrip", default=False) else text
        result.append(text.rstrip() if call.flag("rstrip", default=True) else text)
    return result


def read_text(path: Path) -> str:
    return read_bytes(path).decode("utf-8", "surrogateescape")


def read_bytes(path: Path) -> bytes:
    try:
        with path.open("rb") as stream:
            content = stream.read(_MAX_BYTES + 1)
    except OSError as error:
        raise LookupProblem(f"cannot read {path}: {error.strerror}") from None
    if len(content) > _MAX_BYTES:
        raise LookupProblem(f"{path} is larger than {_MAX_BYTES >> 20} MiB")
    return content


_SYNTAX = (
    "variable_start_string", "variable_end_string",
    "comment_start_string", "comment_end_string", "trim_blocks",
)  # fmt: skip


def template(call: LookupCall) -> list[Any]:
    """Templates of the site, rendered with what they know of themselves."""
    call.only(*_SYNTAX, "template_vars", "convert_data", "jinja2_native")
    syntax = {key: value for key, value in call.options.items() if key in _SYNTAX}
    return [_render(str(term), call, syntax) for term in call.terms]


def _render(name: str, call: LookupCall, syntax: dict[str, Any]) -> Any:
    path = call.find("templates", name)
    scope: Any = call.scope
    own = template_variables(name, path, scope.variables)
    own |= call.option("template_vars") or {}
    folders = template_folders(path, _search_path(call))
    inner = type(scope)(ChainMap(own, scope.variables), scope.resolver)
    return scope.resolver.render_file(path, folders, inner, syntax)


def _search_path(call: LookupCall) -> Any:
    found = call.scope.find("ansible_search_path")
    return None if found is missing else to_plain(found)


def first_found(call: LookupCall) -> list[Any]:
    """The first of the files that exists; ``with_first_found`` gives the ``subdir`` of its task."""
    skip = bool(call.option("skip", False))
    candidates: list[str] = []
    for term in call.terms or [None]:
        options = term if isinstance(term, dict) else {}
        skip = bool(options.get("skip", skip))
        candidates += _candidates(term, call)
    for name in candidates:
        with contextlib.suppress(OpsError):
            return [str(call.find(str(call.option("subdir", "")), name))]
    if skip:
        return []
    raise LookupProblem(
        f"none of these files exists: {', '.join(candidates) or 'no file was named'}"
    )


def _candidates(term: Any, call: LookupCall) -> list[str]:
    if isinstance(term, list):
        return [name for each in term for name in _candidates(each, call)]
    if isinstance(term, dict):
        names, folders = _split(term.get("files")), _split(term.get("paths"), marks=",:;")
    else:
        names = _split(call.option("files")) + _split(term)
        folders = _split(call.option("paths"), marks=",:;")
    return [f"{path}/{name}" for path in folders for name in names] if folders else names


def _split(value: Any, marks: str = ",;") -> list[str]:
    if value is None:
        return []
    if isinstance(value, list):
        return [name for each in value for name in _split(each, marks)]
    return [each for each in re.split(f"[{marks}]", str(value)) if each]


def fileglob(call: LookupCall) -> list[Any]:
    """The files that match each pattern, in the first place that has any.

    The folder of a pattern must exist; a pattern without one is tried along the search path.
    """
    result: list[Any] = []
    for term in call.terms:
        folder, name = os.path.split(str(term))
        matching = (_matching(place, name) for place in _places(call, folder))
        result += next(filter(None, matching), [])
    return result


def _places(call: LookupCall, folder: str) -> Iterator[Path]:
    if not folder:
        yield from search_folders(_search_path(call) or [os.getcwd()], "files")
        return
    with contextlib.suppress(OpsError):
        yield call.find("files", folder)


def _matching(place: Path, name: str) -> list[str]:
    found = glob.glob(os.path.join(glob.escape(str(place)), name))
    return sorted(each for each in found if os.path.isfile(each))


def unvault(call: LookupCall) -> list[Any]:
    """Files that may be vault-encrypted, opened."""
    result = []
    for term in call.terms:
        path = call.find("files", str(term))
        result.append(call.scope.resolver.open_content(read_bytes(path), str(path)))
    return result


LOOKUPS = {
    "file": read_file,
    "fileglob": fileglob,
    "first_found": first_found,
    "template": template,
    "unvault": unvault,
}

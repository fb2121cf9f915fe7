"""A playbook's file: its plays, and those of the playbooks it imports."""

import shlex
import textwrap
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from lpse_ops.errors import PlaybookError, TemplateError
from lpse_ops.marked import Map, Origin, Seq, Text, key_origin, origin_of
from lpse_ops.playbook import keyword_tables as tables
from lpse_ops.playbook import keywords as words
from lpse_ops.playbook.actions_table import is_template, short_name
from lpse_ops.playbook.model import Play, Playbook
from lpse_ops.playbook.place_check import check_place
from lpse_ops.playbook.plays import parse_play
from lpse_ops.playbook.problems import problem_at
from lpse_ops.playbook.scope import LoadContext
from lpse_ops.playbook.searchpath import expand
from lpse_ops.playbook.tags import tag_values

# What a person reads at a time.
_MOST_FAULTS = 10
_LONGEST_HINT = 160


def load_playbook(path: Path, context: LoadContext) -> Playbook:
    """All plays of a file, checked; raises PlaybookError with file:line:column for the first fault.

    Reads files only: no host is asked and nothing runs.
    """
    return Playbook(path, tuple(_load_plays(path, context, Map(), ())))


def load_without_faults(path: Path, context: LoadContext) -> Playbook:
    """As ``load_playbook``; the PlaybookError tells of every fault, not of the first alone."""
    faults: list[PlaybookError] = []
    try:
        playbook = load_playbook(path, replace(context, collect=faults.append))
    except PlaybookError as error:
        faults.append(error)
    if faults:
        raise _together(path, faults)
    return playbook


def _together(path: Path, faults: Sequence[PlaybookError]) -> PlaybookError:
    """One error for all; what several plays use is at fault once."""
    different = list({fault.message: fault for fault in faults}.values())
    if len(different) == 1:
        return different[0]
    told = [
        f"{fault.message}\n  {textwrap.shorten(fault.hint, _LONGEST_HINT, placeholder=' ...')}"
        for fault in different[:_MOST_FAULTS]
    ]
    return PlaybookError(
        "\n".join(told),
        hint=f"correct these {len(different)}; lpse-ops playbook lint {shlex.quote(str(path))} "
        "lists them, and what else may surprise",
    )


def _load_plays(
    path: Path, context: LoadContext, around: Map, above: tuple[Path, ...]
) -> list[Play]:
    if not path.is_file():
        raise PlaybookError(f"there is no playbook {path}", hint="check its name and folder")
    data = context.load_yaml(path)
    if not isinstance(data, Seq) or not data:
        raise problem_at(
            origin_of(data) or Origin(str(path)),
            f"{path} has to be a list of plays"
            + (": A playbook must contain at least one play" if isinstance(data, Seq) else ""),
            hint="begin each play with `- hosts: ...`",
        )
    plays: list[Play] = []
    for entry in data:
        try:
            plays.extend(_load_entry(entry, data, path, context, around, above))
        except PlaybookError as error:
            context.refuse(error)
    return plays


def _load_entry(
    entry: Any, data: Seq, path: Path, context: LoadContext, around: Map, above: tuple[Path, ...]
) -> list[Play]:
    key = _import_key(entry)
    if key is None:
        return [parse_play(_as_play(entry, data), path.parent, context, around)]
    return _import(entry, key, path, context, around, (*above, path.resolve()))


def _import_key(entry: Any) -> Text | None:
    keys = entry if isinstance(entry, Map) else ()
    return next((key for key in keys if short_name(str(key)) == "import_playbook"), None)


def _as_play(entry: Any, data: Seq) -> Map:
    if isinstance(entry, Map):
        return entry
    raise problem_at(
        origin_of(entry) or data.origin,
        "a playbook is a list of plays",
        hint="begin each play with `- hosts: ...`, or use import_playbook",
    )


def _import(
    entry: Map, key: Text, path: Path, context: LoadContext, around: Map, above: tuple[Path, ...]
) -> list[Play]:
    own = Map({name: entry[name] for name in entry if name != key}, origin=entry.origin)
    check_place(own, tables.IMPORT_PLAYBOOK, "import_playbook", context)
    asked = _evaluate(entry[key], own, context)
    if not isinstance(asked, str) or not asked:
        raise problem_at(
            key_origin(entry, key), "import_playbook needs a file", hint="name the playbook's file"
        )
    imported = path.parent / expand(asked)
    if not imported.is_file() or imported.resolve() in above:
        problem = "imports itself" if imported.is_file() else "is not there"
        raise problem_at(
            origin_of(entry[key]), f"the playbook {imported} {problem}", hint="check its name"
        )
    return _load_plays(imported, context, _merged(own, around), above)


def _evaluate(value: Any, own: Map, context: LoadContext) -> Any:
    if not is_template(value):
        return value
    known = {**(own.get("vars") or {}), **context.variables, **context.extra_vars}
    try:
        return context.evaluate(value, known)
    except TemplateError as error:
        raise problem_at(
            origin_of(value),
            f"{str(value)!r} cannot be evaluated before the play runs: {error.message}",
            hint="define the variable in vars of this import, or with -e",
        ) from error


def _merged(own: Map, around: Map) -> Map:
    """What an import gives to each play, with what the import of its own file gives."""
    merged = Map(origin=own.origin)
    if "vars" in own or "vars" in around:
        merged["vars"] = Map({**(own.get("vars") or {}), **(around.get("vars") or {})})
    if "tags" in own or "tags" in around:
        merged["tags"] = Seq([*tag_values(own.get("tags")), *tag_values(around.get("tags"))])
    if "when" in own or "when" in around:
        conditions = words.values_of(around.get("when")) + words.values_of(own.get("when"))
        merged["when"] = Seq(conditions)
    return merged

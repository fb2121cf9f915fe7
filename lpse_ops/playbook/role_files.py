"""The folders of a role: found by name, read with the names of files Ansible reads."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lpse_ops.errors import PlaybookError
from lpse_ops.marked import Map, Origin, Seq, Text, origin_of
from lpse_ops.playbook import keywords as words
from lpse_ops.playbook.model import RoleMeta
from lpse_ops.playbook.problems import problem_at
from lpse_ops.playbook.scope import LoadContext, Scope
from lpse_ops.playbook.searchpath import expand

_EXTENSIONS = (".yml", ".yaml", ".json")
_DEEPEST_FOLDER = 20


def find_role(name: Any, written: Text, scope: Scope, beside: Path | None) -> tuple[str, Path]:
    """The name and the folder of a role; a path is named by its last part."""
    if not isinstance(name, str) or not name:
        raise problem_at(written.origin, "a role needs a name", hint="write the role's name")
    around = scope.role
    folders = [around.folder.parent] if around is not None and around.collection else []
    folders += [scope.play.folder / "roles", *scope.context.roles_path]
    folders += [beside] if beside is not None else []
    folders.append(scope.play.folder)
    for folder in [*_collection_folders(name, scope), *(each / name for each in folders)]:
        if os.path.isdir(folder):
            return _full_name(name, folder), folder
    asked = expand(name, written.origin)
    if os.path.isdir(asked):
        return asked.name, asked
    raise problem_at(
        written.origin,
        f"there is no role {name!r}",
        hint=f"looked in {', '.join(map(str, folders))}; see `roles_path` in ansible.cfg",
    )


def _full_name(name: str, folder: Path) -> str:
    collection = collection_of(folder)
    is_short = collection and not name.startswith(f"{collection}.")
    return f"{collection}.{name}" if is_short else name


def _collection_folders(name: str, scope: Scope) -> Iterator[Path]:
    """Where the role ``namespace.collection.role`` may be."""
    parts = name.split(".")
    if len(parts) == 3 and all(part.isidentifier() for part in parts):
        for folder in (scope.play.folder / "collections", *scope.context.collections_path):
            yield folder / "ansible_collections" / parts[0] / parts[1] / "roles" / parts[2]


def collection_of(folder: Path) -> str:
    """``namespace.collection`` of a role's folder, "" when it is in none."""
    parts = folder.absolute().parts
    is_inside = len(parts) > 5 and parts[-5] == "ansible_collections" and parts[-2] == "roles"
    return ".".join(parts[-4:-2]) if is_inside else ""


def load_map(folder: Path, part: str, asked: str | None, context: LoadContext) -> Map:
    """``defaults`` or ``vars``: one file, or all files of a folder ``main``, merged."""
    merged = Map()
    for path in _files(folder / part, asked, may_be_folder=True):
        found = context.load_yaml(path)
        if found is None:
            continue
        if not isinstance(found, Map):
            raise problem_at(
                origin_of(found) or Origin(str(path)),
                f"{path} has to be a mapping of variables",
                hint="write `name: value`, one in a line",
            )
        merged.update(found)
        merged.origin = merged.origin or found.origin
    return merged


def load_list(folder: Path, part: str, asked: str | None, context: LoadContext) -> Seq:
    """``tasks`` or ``handlers``; an empty list when the role has none."""
    for path in _files(folder / part, asked, may_be_folder=False):
        found = context.load_yaml(path)
        if found is not None and not isinstance(found, Seq):
            raise problem_at(
                origin_of(found) or Origin(str(path)),
                f"{path} has to be a list of tasks",
                hint="begin each task with `- `",
            )
        return found or Seq(origin=Origin(str(path)))
    return Seq()


def load_meta(folder: Path, context: LoadContext) -> RoleMeta:
    """``meta/main.yml``, and ``meta/argument_specs.yml`` when there is one."""
    meta = _load_meta_file(folder, None, context)
    dependencies = meta.get("dependencies") or []
    if not isinstance(dependencies, list):
        raise problem_at(
            origin_of(dependencies) or meta.origin,
            "dependencies have to be a list of roles",
            hint="write `- role: NAME`, one in a line",
        )
    specs = meta.get("argument_specs") or Map()
    if any((folder / "meta" / f"argument_specs{each}").is_file() for each in _EXTENSIONS):
        specs = _load_meta_file(folder, "argument_specs", context).get("argument_specs") or Map()
    return RoleMeta(
        allow_duplicates=words.as_bool(meta.get("allow_duplicates")) is True,
        dependencies=tuple(dependencies),
        argument_specs=specs if isinstance(specs, Map) else Map(),
    )


def _load_meta_file(folder: Path, name: str | None, context: LoadContext) -> Map:
    for path in _files(folder / "meta", name, may_be_folder=False):
        found = context.load_yaml(path)
        if found is None:
            continue
        if not isinstance(found, Map):
            raise problem_at(
                origin_of(found) or Origin(str(path)),
                f"{path} has to be a mapping",
                hint="write `dependencies: [...]`, or remove the file",
            )
        return found
    return Map()


def _files(folder: Path, asked: str | None, *, may_be_folder: bool) -> list[Path]:
    """The file ``asked`` (or ``main``), with or without its extension; or those of a folder."""
    extensions = (*_EXTENSIONS, "") if asked is None else ("", *_EXTENSIONS)
    name = asked or "main"
    for path in (folder / f"{name}{extension}" for extension in extensions):
        if path.is_file():
            _check_inside(folder, path)
            return [path]
        if may_be_folder and path.is_dir():
            _check_inside(folder, path)
            return list(_files_below(path))
    if asked is not None and folder.is_dir():
        raise PlaybookError(
            f"the role {folder.parent.name} has no file {folder.name}/{asked}",
            hint=f"files there: {', '.join(sorted(each.name for each in folder.iterdir()))}",
        )
    return []


def _files_below(folder: Path, depth: int = 0) -> Iterator[Path]:
    for path in sorted(folder.iterdir()):
        if path.name.startswith(".") or path.name.endswith("~"):
            continue
        if path.is_dir() and not path.suffix and depth < _DEEPEST_FOLDER:
            yield from _files_below(path, depth + 1)
        elif path.is_file() and path.suffix in ("", *_EXTENSIONS):
            yield path


def _check_inside(folder: Path, path: Path) -> None:
    """``tasks_from: ../../x`` must not leave the role; links inside it may."""
    if not path.absolute().resolve().is_relative_to(folder.absolute().resolve()):
        raise PlaybookError(
            f"Failed loading '{path}' for role ({folder.parent.name}) as it is not inside the "
            f"expected role path: '{folder}'",
            hint=f"use a file inside {folder}",
        )

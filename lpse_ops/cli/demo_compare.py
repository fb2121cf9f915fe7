"""Holds what was restored against what was backed up."""

import filecmp
import json
import os
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lpse_ops.postgres.database import Database
from lpse_ops.postgres.rowcounts import count_rows


@dataclass(frozen=True)
class Comparison:
    """``differences`` is empty when everything is as it was."""

    what: str
    differences: tuple[str, ...]


# What `lpse-ops backup check --read-data` has found when it ends with 0.
WHOLE = Comparison("every stored byte decrypted, decompressed and hashed, nothing missing", ())


def compare_documents(source: Path, restored: Path) -> Comparison:
    """Every file byte for byte; type, mode, owner, time and links of everything."""
    wanted, found = _entries(source), _entries(restored)
    differences = [f"{name} is missing" for name in sorted(wanted.keys() - found.keys())]
    differences += [f"{name} is too many" for name in sorted(found.keys() - wanted.keys())]
    same_names = sorted(wanted.keys() & found.keys())
    for name in same_names:
        differences += _compare_entry(name, wanted[name], found[name])
    files = [path for path in wanted.values() if path.is_file()]
    return Comparison(
        f"{len(files)} documents and {len(wanted) - len(files)} folders,"
        " byte for byte and with mode, owner and time",
        tuple(differences),
    )


def _entries(folder: Path) -> dict[str, Path]:
    return {str(path.relative_to(folder)): path for path in (folder, *folder.rglob("*"))}


def _compare_entry(name: str, wanted: Path, found: Path) -> Iterator[str]:
    if _metadata(wanted) != _metadata(found):
        yield f"{name} has other metadata"
    elif stat.S_ISREG(wanted.lstat().st_mode) and not filecmp.cmp(wanted, found, shallow=False):
        yield f"{name} has another content"


def _metadata(path: Path) -> tuple[object, ...]:
    status = path.lstat()
    size = 0 if path.is_dir() else status.st_size
    link = os.readlink(path) if path.is_symlink() else ""
    return status.st_mode, status.st_uid, status.st_gid, status.st_mtime_ns, size, link


def compare_database(manifest: Path, source: Database, restored: Database) -> Comparison:
    """The rows of every table: as the manifest counted them, as the source has them."""
    counted = _manifest_counts(json.loads(manifest.read_bytes()), source.name)
    present, rows = count_rows(source).tables, count_rows(restored).tables
    differences = [*_compare_counts("the manifest", counted, rows)]
    differences += _compare_counts("the source", present, rows)
    what = f"{len(rows)} tables with {sum(rows.values())} rows, as in the manifest and the source"
    return Comparison(what, tuple(differences))


def _manifest_counts(manifest: Mapping[str, Any], name: str) -> dict[str, int]:
    found = [each for each in manifest["databases"] if each["name"] == name]
    return dict(found[0]["row_counts"]["tables"]) if found else {}


def _compare_counts(
    where: str, wanted: Mapping[str, int], found: Mapping[str, int]
) -> Iterator[str]:
    for table in sorted(wanted.keys() | found.keys()):
        if wanted.get(table) != found.get(table):
            yield f"{table} has {found.get(table)} rows, {wanted.get(table)} in {where}"

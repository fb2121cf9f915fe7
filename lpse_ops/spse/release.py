"""A release: one unpacked package in ``RELEASES/VERSION``, and its manifest beside it.

The manifest, ``VERSION.manifest.json``, is canonical JSON: schema, version, package (name, sha256,
size_bytes), layout, start_script, and entries sorted by path, each with path, type (file, folder,
link), mode (``"0644"``), and size_bytes and sha256 or target.  ``VERSION.application.conf`` is the
default configuration as it was packed, ``VERSION.start-script`` the script.  Nothing of ours is in
the application's own tree, which LKPP's checksum tool walks (domain.md b.5).

Of an application that was adopted (``adoption.py``) the package has no name and no size, its sha256
is of its entries in canonical JSON, and there are no such copies.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from lpse_ops.atomicfile import write_atomically
from lpse_ops.canonicaljson import encode_canonical, parse_canonical
from lpse_ops.errors import ReleaseError
from lpse_ops.spse.layout import Layout, layout_named
from lpse_ops.spse.package import Inspected
from lpse_ops.spse.packageentry import Entry
from lpse_ops.spse.releaseversion import is_version

SCHEMA = "lpse-ops/spse/release/1"
MANIFEST_SUFFIX = ".manifest.json"
DEFAULTS_SUFFIX = ".application.conf"
SCRIPT_SUFFIX = ".start-script"
_MAX_MANIFEST_BYTES = 128 << 20
_SHA256 = re.compile(r"[0-9a-f]{64}")
_MODE = re.compile(r"[0-7]{4}")
# Configuration holds the password of the database.
_FOLDER_MODE, _FILE_MODE, _PROGRAM_MODE, _SECRET_MODE = 0o755, 0o644, 0o755, 0o640
# The application adds names there, and may rename or remove only its own.
_SHARED_FOLDER_MODE = 0o1775
_MANIFEST_MODE = 0o644


@dataclass(frozen=True)
class Placed:
    """An entry of a release; ``type`` is file, folder or link.  A hard link is one more file."""

    path: str
    type: str
    mode: int
    size_bytes: int = 0
    sha256: str = ""
    target: str = ""


@dataclass(frozen=True)
class Release:
    """What a manifest says."""

    version: str
    package_name: str
    package_sha256: str
    package_bytes: int
    layout: Layout
    entries: tuple[Placed, ...]


def plan_release(inspected: Inspected, version: str) -> Release:
    """Decide all names and modes of a release; the archive's own modes tell only programs."""
    layout = inspected.layout
    content = {each.path: each for each in inspected.content}
    kinds = {path: each.kind for path, each in content.items()}
    folders = {str(above) for path in kinds for above in PurePosixPath(path).parents} - {"."}
    folders |= {path for path, kind in kinds.items() if kind == "folder"}
    placed = [Placed(path, "folder", plan_mode(path, "folder", layout)) for path in folders]
    placed += [
        _place(each, content, layout) for path, each in content.items() if path not in folders
    ]
    return Release(
        version=version,
        package_name=inspected.name,
        package_sha256=inspected.sha256,
        package_bytes=inspected.size_bytes,
        layout=layout,
        entries=tuple(sorted(placed, key=lambda each: each.path)),
    )


def _place(entry: Entry, content: Mapping[str, Entry], layout: Layout) -> Placed:
    if entry.kind == "link":
        return Placed(entry.path, "link", 0o777, target=entry.target)
    # Both names of a file have one mode: that of the first.
    file = content[entry.target] if entry.kind == "hard link" else entry
    mode = plan_mode(file.path, "file", layout, is_executable=file.is_executable)
    return Placed(entry.path, "file", mode, file.size_bytes, file.sha256)


def plan_mode(path: str, type: str, layout: Layout, *, is_executable: bool = False) -> int:  # noqa: A002
    """The mode of a path below the application's folder, ``""`` for that folder itself."""
    if type == "folder":
        return _SHARED_FOLDER_MODE if path in layout.written_folders else _FOLDER_MODE
    if path == layout.configuration:
        return _SECRET_MODE
    is_program = is_executable or path == layout.start_script
    return _PROGRAM_MODE if is_program else _FILE_MODE


def render_manifest(release: Release) -> bytes:
    return encode_canonical(
        {
            "schema": SCHEMA,
            "version": release.version,
            "package": {
                "name": release.package_name,
                "sha256": release.package_sha256,
                "size_bytes": release.package_bytes,
            },
            "layout": release.layout.name,
            "start_script": release.layout.start_script,
            "entries": render_entries(release.entries),
        }
    )


def render_entries(entries: Sequence[Placed]) -> list[dict[str, object]]:
    """The last part of a manifest."""
    return [_to_json(each) for each in entries]


def _to_json(placed: Placed) -> dict[str, object]:
    shown: dict[str, object] = {
        "path": placed.path,
        "type": placed.type,
        "mode": f"{placed.mode:04o}",
    }
    if placed.type == "file":
        shown |= {"size_bytes": placed.size_bytes, "sha256": placed.sha256}
    elif placed.type == "link":
        shown["target"] = placed.target
    return shown


def parse_manifest(content: bytes) -> Release:
    """Read what ``render_manifest`` gives, byte for byte, or raise ``ValueError``."""
    document = parse_canonical(content)
    try:
        package = document["package"]
        release = Release(
            version=_text(document, "version"),
            package_name=_text(package, "name"),
            package_sha256=_text(package, "sha256"),
            package_bytes=_number(package, "size_bytes"),
            layout=layout_named(document["layout"], document["start_script"]),
            entries=tuple(map(_parse_placed, _sequence(document["entries"]))),
        )
    except (KeyError, TypeError) as error:
        raise ValueError("it is no manifest of a release") from error
    if not (is_version(release.version) and _SHA256.fullmatch(release.package_sha256)):
        raise ValueError("its version or digest is none")
    # Whatever it says beside this, says it twice or says out of order.
    if render_manifest(release) != content:
        raise ValueError("it is a manifest of another kind")
    return release


def _parse_placed(each: Mapping[str, Any]) -> Placed:
    mode = _text(each, "mode")
    if not _MODE.fullmatch(mode):
        raise ValueError("a mode in it is none")
    placed = Placed(
        _text(each, "path"),
        _text(each, "type"),
        int(mode, 8),
        _number(each, "size_bytes") if "size_bytes" in each else 0,
        _text(each, "sha256") if "sha256" in each else "",
        _text(each, "target") if "target" in each else "",
    )
    parts = placed.path.split("/")
    if placed.type not in ("file", "folder", "link") or not {"", ".", ".."}.isdisjoint(parts):
        raise ValueError("an entry in it is none")
    return placed


def _text(each: Mapping[str, Any], key: str) -> str:
    if not isinstance(each[key], str):
        raise TypeError(key)
    return str(each[key])


def _number(each: Mapping[str, Any], key: str) -> int:
    if type(each[key]) is not int:
        raise TypeError(key)
    return int(each[key])


def _sequence(value: object) -> Sequence[Any]:
    if not isinstance(value, list):
        raise TypeError
    return value


def release_folder(releases: Path, version: str) -> Path:
    """``RELEASES/VERSION``; ``ReleaseError`` for what is no version, such as ``../x``."""
    if not is_version(version):
        raise ReleaseError(
            f"{version[:60]!a} is no version of a release",
            hint=f"see which there are: ls {releases}",
        )
    return releases / version


def manifest_path(releases: Path, version: str) -> Path:
    folder = release_folder(releases, version)
    return folder.with_name(folder.name + MANIFEST_SUFFIX)


def defaults_path(releases: Path, version: str) -> Path:
    """Where the default ``application.conf`` of a release is kept, as it was packed."""
    folder = release_folder(releases, version)
    return folder.with_name(folder.name + DEFAULTS_SUFFIX)


def script_path(releases: Path, version: str) -> Path:
    """Where the start script of a release is kept, as it was packed."""
    folder = release_folder(releases, version)
    return folder.with_name(folder.name + SCRIPT_SUFFIX)


def save_manifest(releases: Path, release: Release) -> None:
    """Write it durably, before the release has its name."""
    path = manifest_path(releases, release.version)
    write_atomically(path, render_manifest(release), mode=_MANIFEST_MODE)


def load_release(releases: Path, version: str) -> Release:
    """The release of a version; ``ReleaseError`` when it is not there whole."""
    path, folder = manifest_path(releases, version), release_folder(releases, version)
    try:
        with path.open("rb") as stream:
            release = parse_manifest(stream.read(_MAX_MANIFEST_BYTES))
    except OSError as error:
        raise ReleaseError(
            f"cannot read {path}: {error.strerror}", hint=f"see what is there: ls -l {releases}"
        ) from error
    except ValueError as error:
        raise ReleaseError(
            f"{path} is damaged: {error}",
            hint=f"unpack the package again: mv {folder} {folder}.old first",
        ) from error
    if release.version != version or not folder.is_dir() or folder.is_symlink():
        raise ReleaseError(
            f"{path} is not of a release in {folder}", hint=f"see what is there: ls -l {releases}"
        )
    return release


def list_releases(releases: Path) -> list[str]:
    """Versions that are there whole, by name; what is half-made has no such name."""
    try:
        names = sorted(each.name for each in releases.iterdir())
    except FileNotFoundError:
        return []
    except OSError as error:
        raise ReleaseError(
            f"cannot read {releases}: {error.strerror}", hint=f"check it: ls -ld {releases}"
        ) from error
    return [
        name
        for name in names
        if is_version(name)
        and f"{name}{MANIFEST_SUFFIX}" in names
        and (releases / name).is_dir()
        and not (releases / name).is_symlink()
    ]

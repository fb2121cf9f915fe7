"""An application that was installed by hand at the link's place becomes a release.

On every site that LKPP set up, ``/home/appserv/spse`` is the application's own folder.  It is
moved, not copied, to ``RELEASES/VERSION`` with all that is in it, and the link takes its place:
only then is there a way back from the first upgrade.  The application must be stopped.  Whatever
stops this half-way, running it again finishes it.
"""

import hashlib
import os
from pathlib import Path

from lpse_ops.atomicfile import sync_folder
from lpse_ops.canonicaljson import encode_canonical
from lpse_ops.errors import ReleaseError
from lpse_ops.spse.currentrelease import read_current, switch_release
from lpse_ops.spse.layout import CONFIGURATION, Layout, recognise
from lpse_ops.spse.packageentry import BadArchive, Kind, show_name
from lpse_ops.spse.release import (
    Placed,
    Release,
    list_releases,
    load_release,
    release_folder,
    render_entries,
    save_manifest,
)
from lpse_ops.spse.releasecompare import read_tree
from lpse_ops.spse.releaselock import locked_releases

_TELLING = ("spse4", "starter.sh", CONFIGURATION, f"webapp/{CONFIGURATION}")


def adopt_application(link: Path, releases: Path, version: str) -> Release:
    """Move it and switch the link to it; ``ReleaseError`` when it is none, or cannot be moved."""
    folder = release_folder(releases, version)
    with locked_releases(releases):
        state = read_current(link, releases).state
        if state == "none" and version in list_releases(releases):
            # Stopped between the move and the link.
            switch_release(link, releases, version)
            return load_release(releases, version)
        if state != "folder":
            raise ReleaseError(
                f"{link} is no application that was installed by hand",
                hint=f"see what it is: ls -ld {link}; lpse-ops switches links by itself",
            )
        _check_place(link, releases, folder)
        release = _describe(link, version)
        save_manifest(releases, release)
        link.rename(folder)
        # The new name first: a power cut may leave two, but never none.
        sync_folder(releases)
        sync_folder(link.parent)
        switch_release(link, releases, version)
    return release


def _check_place(link: Path, releases: Path, folder: Path) -> None:
    if os.path.lexists(folder):
        raise ReleaseError(
            f"{folder} is there already", hint=f"see what it is, and move it: ls -l {folder}"
        )
    if link.stat().st_dev != releases.stat().st_dev or link.is_mount():
        raise ReleaseError(
            f"{link} and {releases} are on two file systems: it cannot be moved in one step",
            hint=f"keep the releases on the file system of {link.parent}: df {link.parent}",
        )


def _describe(link: Path, version: str) -> Release:
    layout = _find_layout(link)
    entries = tuple(placed for _, placed in sorted(read_tree(link, layout)))
    special = next((each.path for each in entries if each.type == "special"), None)
    if special is not None:
        raise ReleaseError(
            f"{link} holds {show_name(special)}, which is no file, folder or link",
            hint=f"see what it is: ls -l {link}",
        )
    return Release(version, "", _fingerprint(link, entries), 0, layout, entries)


def _find_layout(link: Path) -> Layout:
    kinds: dict[str, Kind] = {path: "file" for path in _TELLING if (link / path).is_file()}
    try:
        layout = recognise(kinds)
    except BadArchive as error:
        raise ReleaseError(f"{link}: {error}", hint=f"see what is in it: ls {link}") from error
    if layout is None:
        raise ReleaseError(
            f"{link} is no SPSE 4: it has no start script and {CONFIGURATION}",
            hint=f"see what it is: ls {link}",
        )
    return layout


def _fingerprint(link: Path, entries: tuple[Placed, ...]) -> str:
    try:
        return hashlib.sha256(encode_canonical(render_entries(entries))).hexdigest()
    except ValueError as error:
        raise ReleaseError(
            f"{link} holds a name that is not UTF-8",
            hint=f"find it, and rename it: find {link} | grep -naxv '.*'",
        ) from error

"""Takes a release away: at once under its name, then its files; a power cut leaves none half."""

import contextlib
import os
import secrets
import shutil
from collections.abc import Collection
from pathlib import Path

from lpse_ops.atomicfile import sync_folder
from lpse_ops.errors import NothingFound, PolicyRefused
from lpse_ops.spse.release import (
    defaults_path,
    list_releases,
    manifest_path,
    release_folder,
    script_path,
)
from lpse_ops.spse.releaselock import locked_releases
from lpse_ops.spse.upgradestate import UpgradeState


def find_needed(releases: Path, current: str | None, last: UpgradeState | None) -> set[str]:
    """The current release, and what a site would go back to from it."""
    if last is not None and last.outcome != "rolled-back":
        return {each for each in (current, last.old.version, last.new.version) if each}
    # Nobody goes back to what was just taken back.
    left = {last.new.version} if last is not None else set()
    return {each for each in (current, find_previous(releases, {current, *left})) if each}


def find_previous(releases: Path, but: Collection[str | None]) -> str | None:
    """The newest release beside these."""
    others = [version for version in list_releases(releases) if version not in but]
    return max(
        others,
        key=lambda version: manifest_path(releases, version).stat().st_mtime,
        default=None,
    )


def remove_release(releases: Path, version: str, needed: Collection[str]) -> None:
    """Remove a release that is not needed; what an earlier call left of it, too."""
    folder = release_folder(releases, version)
    beside = [path(releases, version) for path in (manifest_path, defaults_path, script_path)]
    if not any(os.path.lexists(each) for each in (folder, *beside)):
        raise NothingFound(
            f"there is no release {version} in {releases}",
            hint="see which there are: lpse-ops spse release list",
        )
    if version in needed:
        raise PolicyRefused(
            f"release {version} is the current one, or the one to go back to",
            hint="see lpse-ops spse release list; what may go is older than these",
        )
    with locked_releases(releases):
        # A name that the next unpacking clears away, should this one be cut off.
        doomed = releases / f".{version}.{secrets.token_hex(8)}.tmp"
        if os.path.lexists(folder):
            folder.rename(doomed)
            sync_folder(releases)
        for each in beside:
            with contextlib.suppress(FileNotFoundError):
                each.unlink()
        sync_folder(releases)
        if doomed.is_dir() and not doomed.is_symlink():
            shutil.rmtree(doomed)
        elif os.path.lexists(doomed):
            doomed.unlink()

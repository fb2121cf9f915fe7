"""Unpacks an inspected package into a release: there whole under its name, or not at all.

Written into ``.VERSION.RANDOM.tmp`` beside its place, which only we may enter; no link is made
before all files are written; then flushed, and renamed as the last act.  What a killed run left
is removed by the next one.
"""

import contextlib
import os
import re
import secrets
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from lpse_ops.atomicfile import (
    sync_file_system,
    sync_folder,
    sync_if_possible,
    write_atomically,
)
from lpse_ops.errors import ReleaseError
from lpse_ops.spse.package import Inspected, Package
from lpse_ops.spse.packageentry import Member
from lpse_ops.spse.packagelinks import is_below
from lpse_ops.spse.packagewalk import Write
from lpse_ops.spse.release import (
    Placed,
    Release,
    defaults_path,
    load_release,
    plan_mode,
    plan_release,
    release_folder,
    save_manifest,
    script_path,
)
from lpse_ops.spse.releasecompare import compare_release, is_written
from lpse_ops.spse.releaselock import locked_releases

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_OLD_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC
_NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
# Of a release, and of what is written beside it.
_LEFTOVER = re.compile(r"\.[0-9][^/]*\.[0-9a-f]{16}\.tmp")
_CONFIGURATION_MODE = 0o640
_SCRIPT_MODE = 0o644
# What a file takes beyond its bytes, at most, on file systems as they are.
_ENTRY_BYTES = 8192


@dataclass(frozen=True)
class Owners:
    """Numbers of accounts: who owns a release, and the group in which the application runs.

    The group may read the configuration and add names where the application writes.  What a
    package brings in folders of logs and temporary files belongs to ``account`` (its number),
    whose scripts remove it; None: to ``uid``.
    """

    uid: int
    gid: int
    account: int | None = None


def unpack_release(
    package: Package, inspected: Inspected, releases: Path, owners: Owners
) -> Release:
    """Unpack it below ``releases``; nothing is done when the same release is there already."""
    version = inspected.version
    if version is None:
        raise ReleaseError(
            f"{inspected.name} does not tell its version", hint="say it: --release 4.5"
        )
    release = plan_release(inspected, version)
    with locked_releases(releases) as descriptor:
        _remove_leftovers(releases)
        folder = release_folder(releases, version)
        if os.path.lexists(folder):
            return _same_release(releases, release)
        _check_room(descriptor, release, releases)
        temporary = releases / f".{version}.{secrets.token_hex(8)}.tmp"
        try:
            temporary.mkdir(mode=0o700)
            _fill(package, inspected, release, temporary, owners)
            _write_beside(temporary, release, releases, owners)
            temporary.rename(folder)
        except BaseException:
            shutil.rmtree(temporary, ignore_errors=True)
            raise
        sync_folder(releases)
    return release


def _fill(
    package: Package, inspected: Inspected, release: Release, temporary: Path, owners: Owners
) -> None:
    root = os.open(temporary, _FOLDER)
    try:
        for each in _of_type(release, "folder"):
            os.mkdir(each.path, 0o700, dir_fd=root)
        package.unpack(inspected, _writer(root, inspected, release))
        _link(root, inspected)
        _give_away(root, release, owners)
        # All at once first, which spares the disk thousands of small waits; then each by itself,
        # which waits for nothing any more and says whether it was written.
        sync_file_system(root)
        for flags, kind in ((_OLD_FILE, "file"), (_FOLDER, "folder")):
            for each in _of_type(release, kind):
                _sync(each.path, root, flags)
        sync_if_possible(root)
    finally:
        os.close(root)


def _of_type(release: Release, kind: str) -> Iterator[Placed]:
    return (each for each in release.entries if each.type == kind)


def _writer(
    root: int, inspected: Inspected, release: Release
) -> Callable[[Member], contextlib.AbstractContextManager[Write]]:
    wanted = {each.path for each in _of_type(release, "file")}
    at = len(inspected.root) + 1 if inspected.root else 0

    @contextlib.contextmanager
    def open_file(member: Member) -> Iterator[Write]:
        path = member.path[at:]
        if not is_below(member.path, inspected.root) or path not in wanted:
            yield lambda _: None
            return
        descriptor = os.open(path, _NEW_FILE, 0o600, dir_fd=root)
        with open(descriptor, "wb") as stream:
            yield stream.write

    return open_file


def _link(root: int, inspected: Inspected) -> None:
    """Hard links first: they are to files, and no symbolic link is there to lead them away."""
    content = inspected.content
    for each in content:
        if each.kind == "hard link":
            os.link(each.target, each.path, src_dir_fd=root, dst_dir_fd=root, follow_symlinks=False)
    for each in content:
        if each.kind == "link":
            os.symlink(each.target, each.path, dir_fd=root)


def _give_away(root: int, release: Release, owners: Owners) -> None:
    """Owner before mode, as changing it clears bits; the folder of all becomes visible last."""
    account = owners.uid if owners.account is None else owners.account
    for each in reversed(release.entries):
        uid = account if is_written(each.path, release.layout) else owners.uid
        os.chown(each.path, uid, owners.gid, dir_fd=root, follow_symlinks=False)
        if each.type != "link":
            os.chmod(each.path, each.mode, dir_fd=root)
    os.fchown(root, owners.uid, owners.gid)
    os.fchmod(root, plan_mode("", "folder", release.layout))


def _sync(path: str, root: int, flags: int) -> None:
    descriptor = os.open(path, flags, dir_fd=root)
    try:
        sync_if_possible(descriptor)
    finally:
        os.close(descriptor)


def _write_beside(temporary: Path, release: Release, releases: Path, owners: Owners) -> None:
    """Before the release has its name, so that none is ever there without them."""
    defaults = defaults_path(releases, release.version)
    content = (temporary / release.layout.configuration).read_bytes()
    write_atomically(defaults, content, mode=_CONFIGURATION_MODE)
    os.chown(defaults, owners.uid, owners.gid)
    script = (temporary / release.layout.start_script).read_bytes()
    write_atomically(script_path(releases, release.version), script, mode=_SCRIPT_MODE)
    save_manifest(releases, release)


def _same_release(releases: Path, release: Release) -> Release:
    """Unpacking twice changes nothing; what is there under this name must be just this."""
    folder = release_folder(releases, release.version)
    there = load_release(releases, release.version)
    if there.package_sha256 != release.package_sha256:
        raise ReleaseError(
            f"{folder} is there already, of another package (SHA-256 {there.package_sha256})",
            hint="name this one otherwise: --release VERSION; or, if nobody needs that one: "
            f"lpse-ops spse release remove {release.version}",
        )
    if differing := compare_release(folder, there):
        raise ReleaseError(
            f"{folder} is there already, and was changed: {differing[0].text}",
            hint=f"see what changed it; to unpack it anew: mv {folder} {folder}.old",
        )
    return there


def _check_room(descriptor: int, release: Release, releases: Path) -> None:
    room = os.fstatvfs(descriptor)
    needed = sum(each.size_bytes + _ENTRY_BYTES for each in release.entries)
    free = room.f_bavail * room.f_frsize
    if free < needed:
        raise ReleaseError(
            f"{releases} has room for {free >> 20} MiB, the release takes {needed >> 20} MiB",
            hint=f"make room: df -h {releases}; old releases: ls {releases}",
        )


def _remove_leftovers(releases: Path) -> None:
    for name in filter(_LEFTOVER.fullmatch, os.listdir(releases)):
        leftover = releases / name
        if leftover.is_dir() and not leftover.is_symlink():
            shutil.rmtree(leftover)
        else:
            leftover.unlink()

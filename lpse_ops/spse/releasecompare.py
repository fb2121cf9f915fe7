"""Is a release still what was unpacked?  Its tree against its manifest."""

import hashlib
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from lpse_ops.errors import OpsError, ReleaseError
from lpse_ops.spse.layout import Layout
from lpse_ops.spse.packageentry import show_name
from lpse_ops.spse.release import Placed, Release, script_path
from lpse_ops.spse.startscript import MAX_BYTES, is_carried
from lpse_ops.spse.trustedfile import read_beneath

_STEP_BYTES = 1 << 20
_OLD_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC


@dataclass(frozen=True)
class Difference:
    """``what`` is changed, missing or added."""

    path: str
    what: str

    @property
    def text(self) -> str:
        return f"{show_name(self.path)} is {self.what}"


def compare_release(folder: Path, release: Release) -> list[Difference]:
    """All differences, by path.  Without those that running it makes.

    These are the site's configuration, logs, temporary files and the number of the process, and
    the paths that a site has in its start script.
    """
    try:
        there = dict(read_tree(folder, release.layout))
    except OSError as error:
        raise ReleaseError(
            f"cannot read the release {folder}: {error.strerror}",
            hint=f"run as root, and check it: ls -l {folder}",
        ) from error
    script = release.layout.start_script
    return [
        each
        for each in judge_tree(release, there)
        if each != Difference(script, "changed") or not _is_carried(folder, release, there[script])
    ]


def _is_carried(folder: Path, release: Release, found: Placed) -> bool:
    packed = script_path(folder.parent, release.version)
    if not any((each.path, each.mode) == (found.path, found.mode) for each in release.entries):
        return False
    try:
        return is_carried(
            read_beneath(packed.parent, packed.name, MAX_BYTES),
            read_beneath(folder, found.path, MAX_BYTES),
        )
    except OpsError:
        # It was adopted, or is no file any more.
        return False


def judge_tree(release: Release, there: dict[str, Placed]) -> list[Difference]:
    """The same for a tree that was read."""
    expected = {each.path: each for each in release.entries}
    found = []
    for path in sorted(expected.keys() | there.keys()):
        if is_of_site(path, release.layout):
            continue
        if path not in there:
            found.append(Difference(path, "missing"))
        elif path not in expected:
            found.append(Difference(path, "added"))
        elif expected[path] != there[path]:
            found.append(Difference(path, "changed"))
    return found


def is_of_site(path: str, layout: Layout) -> bool:
    """Whether the site or the running application may change it."""
    if path == layout.configuration or path in layout.pid_files:
        return True
    return is_written(path, layout)


def is_written(path: str, layout: Layout) -> bool:
    """Whether it is a folder of logs or temporary files, or in one."""
    own = [folder for folder in layout.written_folders if folder not in ("", layout.webapp)]
    return any(path == folder or path.startswith(f"{folder}/") for folder in own)


def read_tree(folder: Path, layout: Layout) -> Iterator[tuple[str, Placed]]:
    """What is there, but for what the site may change; no link is followed."""
    pending = [""]
    while pending:
        below = pending.pop()
        with os.scandir(folder / below) as entries:
            for entry in entries:
                path = f"{below}/{entry.name}" if below else entry.name
                if is_of_site(path, layout):
                    continue
                placed = _read(entry, path)
                if placed.type == "folder":
                    pending.append(path)
                yield path, placed


def _read(entry: "os.DirEntry[str]", path: str) -> Placed:
    status = entry.stat(follow_symlinks=False)
    mode = stat.S_IMODE(status.st_mode)
    if stat.S_ISLNK(status.st_mode):
        return Placed(path, "link", 0o777, target=os.readlink(entry.path))
    if stat.S_ISDIR(status.st_mode):
        return Placed(path, "folder", mode)
    if stat.S_ISREG(status.st_mode):
        return Placed(path, "file", mode, status.st_size, _digest(entry.path))
    return Placed(path, "special", mode)


def _digest(path: str) -> str:
    digest = hashlib.sha256()
    with open(os.open(path, _OLD_FILE), "rb") as stream:
        while chunk := stream.read(_STEP_BYTES):
            digest.update(chunk)
    return digest.hexdigest()

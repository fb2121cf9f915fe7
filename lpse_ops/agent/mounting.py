"""File systems mounted and unmounted by the host's own programs; which are mounted now.

Runs on the managed host: standard library and ``lpse_ops.agent`` only, Python 3.6.
"""

import contextlib
import os
from typing import Dict, List, NamedTuple, Optional

from lpse_ops.agent.commands import Finished, find_program, run_command
from lpse_ops.agent.context import Failed
from lpse_ops.agent.fstab import unescape
from lpse_ops.agent.textlines import read_text, split_lines

FSTAB = "/etc/fstab"


class Mount(NamedTuple):
    """A mount point and what is known of it; without a ``table`` it is in none."""

    path: str
    source: str
    kind: str
    options: str
    table: Optional[str]


def find_source(path: str) -> Optional[str]:
    """What is mounted at a path, the last of several; None where nothing is."""
    lines = split_lines(read_text("/proc/self/mountinfo") or "")
    return parse_sources(lines).get(os.path.realpath(path))


def parse_sources(lines: List[str]) -> Dict[str, str]:
    """Mount point -> its source, see proc(5) on mountinfo; that of a bind mount is a path."""
    sources = {}
    for line in lines:
        fields = line.split()
        if "-" in fields[6:]:
            root, path = (unescape(field) for field in fields[3:5])
            source = unescape(fields[fields.index("-", 6) + 2])
            sources[path] = source if root == "/" else root
    return sources


def is_same_source(found: str, wanted: str) -> bool:
    if found == wanted:
        return True
    return os.path.exists(wanted) and os.path.realpath(found) == os.path.realpath(wanted)


def call_mount(mount: Mount, *options: str) -> Finished:
    """Mount by the table, or what is in no table by all that is known of it."""
    argv = [_program("mount")]
    if mount.table is None:
        argv += ["-t", mount.kind, "-o", ",".join([*options, mount.options])]
        return run_command([*argv, mount.source, mount.path])
    if options:
        argv += ["-o", ",".join(options)]
    if os.path.abspath(mount.table) != FSTAB:
        argv += ["-T", mount.table]
    return run_command([*argv, mount.path])


def remount(mount: Mount) -> Finished:
    """Mount again with the options of now; what cannot do that is unmounted in between."""
    done = call_mount(mount, "remount")
    if done.rc and mount.table is not None:
        done = run_command([_program("umount"), mount.path])
        if not done.rc:
            done = call_mount(mount)
    return done


def unmount(path: str) -> None:
    done = run_command([_program("umount"), path])
    if done.rc:
        raise Failed(f"Error unmounting {path}: {done.stdout}{done.stderr}")


def make_mount_point(path: str) -> List[str]:
    """Make a folder and those above it; return what had to be made, the outermost first."""
    missing: List[str] = []
    while path and not os.path.exists(path):
        missing.insert(0, path)
        path = os.path.dirname(path)
    made: List[str] = []
    for folder in missing:
        try:
            os.mkdir(folder)
        except OSError as error:
            remove_folders(made)
            raise Failed(f"Error making dir {folder}: {error}") from error
        made.append(folder)
    return made


def remove_folders(made: List[str]) -> None:
    """Undo ``make_mount_point``; what is not empty stays."""
    for folder in reversed(made):
        with contextlib.suppress(OSError):
            os.rmdir(folder)


def _program(name: str) -> str:
    path = find_program(name)
    if path is None:
        raise Failed(f'Failed to find required executable "{name}"')
    return path

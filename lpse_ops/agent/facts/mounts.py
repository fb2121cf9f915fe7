"""Mounted file systems: size and use of each, even when one of them does not answer."""

import os
import threading
from typing import Any, Dict, List, NamedTuple, Set

from lpse_ops.agent.facts.hostfiles import list_folder, read_lines, unescape


class Mount(NamedTuple):
    """A line of /proc/mounts."""

    device: str
    mount: str
    fstype: str
    options: str
    dump: int
    passno: int


def read_mounts(timeout_seconds: float) -> Dict[str, Any]:
    """The fact ``mounts``; a server that is gone costs the time-out once, not for ever."""
    bound = parse_bound(read_lines("/proc/self/mountinfo"))
    mounts = [mark_bound(each, bound) for each in parse_mounts(read_lines("/proc/mounts"))]
    uuids = read_uuids()
    facts = [_describe(mount, uuids) for mount in mounts]
    askers = []
    for fact in facts:
        # An NFS server that does not answer blocks the call where nothing can interrupt it.
        asker = threading.Thread(target=_measure, args=(fact,), daemon=True)
        asker.start()
        askers.append(asker)
    for asker in askers:
        asker.join(timeout_seconds)
    for fact, asker in zip(facts, askers):
        if asker.is_alive():
            fact["note"] = "Could not get extra information due to timeout"
    return {"mounts": [dict(fact) for fact in facts]}


def parse_mounts(lines: List[str]) -> List[Mount]:
    """Mounts of real storage: those with a device, or with a server's path.

    Of several at one place the last, which hides the others.
    """
    mounts = {}
    for line in lines:
        fields = line.split()
        if len(fields) < 6 or not (fields[0].startswith(("/", "\\")) or ":/" in fields[0]):
            continue
        device, mount, fstype, options = (unescape(field) for field in fields[:4])
        mounts[mount] = Mount(device, mount, fstype, options, int(fields[4]), int(fields[5]))
    return list(mounts.values())


def parse_bound(lines: List[str]) -> Set[str]:
    """Mount points that show only a part of a file system, see proc(5) on mountinfo."""
    rows = (line.split() for line in lines)
    return {unescape(fields[4]) for fields in rows if len(fields) > 4 and fields[3] != "/"}


def mark_bound(mount: Mount, bound: Set[str]) -> Mount:
    """Say among the options of a mount that it is a bind mount."""
    if mount.mount not in bound or "bind" in mount.options.split(","):
        return mount
    return mount._replace(options=mount.options + ",bind")


def read_uuids(folder: str = "/dev/disk/by-uuid") -> Dict[str, str]:
    """UUID of each device that udev has looked at."""
    names = list_folder(folder)
    return {os.path.realpath(os.path.join(folder, name)): name for name in names}


def measure(path: str) -> Dict[str, int]:
    """Blocks and inodes of the file system at ``path``; raises OSError."""
    numbers = os.statvfs(path)
    return {
        "size_total": numbers.f_frsize * numbers.f_blocks,
        "size_available": numbers.f_frsize * numbers.f_bavail,
        "block_size": numbers.f_bsize,
        "block_total": numbers.f_blocks,
        "block_available": numbers.f_bavail,
        "block_used": numbers.f_blocks - numbers.f_bavail,
        "inode_total": numbers.f_files,
        "inode_available": numbers.f_favail,
        "inode_used": numbers.f_files - numbers.f_favail,
    }


def _describe(mount: Mount, uuids: Dict[str, str]) -> Dict[str, Any]:
    facts: Dict[str, Any] = dict(mount._asdict())
    facts["uuid"] = uuids.get(os.path.realpath(mount.device), "N/A")
    return facts


def _measure(fact: Dict[str, Any]) -> None:
    try:
        fact.update(measure(fact["mount"]))
    except OSError:
        # Not ours to read: it stays in the list without numbers.
        return

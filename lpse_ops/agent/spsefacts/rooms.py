"""Room on the disks that an upgrade writes to, or that must not be full.

Runs on the managed host: standard library and ``lpse_ops.agent`` only, Python 3.6.
"""

import os
from typing import Any, Dict, List, Mapping

_READ_ONLY = os.ST_RDONLY


def read_rooms(places: Mapping[str, str]) -> List[Dict[str, Any]]:
    """``places`` maps a purpose to a folder; one that is not there will be made where it would be.

    Two of the same ``device`` share their room.
    """
    return [read_room(purpose, path) for purpose, path in places.items() if path]


def read_room(purpose: str, path: str) -> Dict[str, Any]:
    told: Dict[str, Any] = {"purpose": purpose, "path": path, "is_there": os.path.lexists(path)}
    place = nearest_folder(path)
    try:
        numbers = os.statvfs(place)
        device = os.stat(place).st_dev
    except OSError as error:
        return dict(told, trouble=error.strerror or str(error))
    return dict(
        told,
        device=str(device),
        total_bytes=numbers.f_frsize * numbers.f_blocks,
        free_bytes=numbers.f_frsize * numbers.f_bavail,
        inodes=numbers.f_files,
        free_inodes=numbers.f_favail,
        is_read_only=bool(numbers.f_flag & _READ_ONLY),
    )


def nearest_folder(path: str) -> str:
    """The folder itself, or the one above it that there is; links are followed."""
    place = os.path.realpath(path)
    while not os.path.isdir(place) and place != "/":
        place = os.path.dirname(place)
    return place

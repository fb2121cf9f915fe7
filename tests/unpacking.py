"""Unpacks tar archives; ``tarfile`` of Debian 12's Python has no filters of its own yet."""

import posixpath
import tarfile
from pathlib import Path


def unpack(archive: Path, target: Path) -> None:
    """Unpack; a member that leads out of ``target``, or is no file, folder or link, raises."""
    with tarfile.open(archive) as file:
        members = file.getmembers()
        for each in members:
            _refuse_unsafe(each)
        file.extractall(target, members)


def _refuse_unsafe(member: tarfile.TarInfo) -> None:
    places = [member.name]
    if member.issym():
        places.append(posixpath.join(posixpath.dirname(member.name), member.linkname))
    elif member.islnk():
        places.append(member.linkname)
    elif not (member.isreg() or member.isdir()):
        raise ValueError(f"{member.name} is no plain file")
    for place in places:
        if place.startswith("/") or posixpath.normpath(place).split("/")[0] == "..":
            raise ValueError(f"{member.name} leads out of the archive")

"""Names in an archive that somebody else made: which of them stay in the folder they go to.

Runs on the managed host: standard library and ``lpse_ops.agent`` only, Python 3.6.
"""

import os
import re
from typing import Dict, Iterable, List, Match

from lpse_ops.agent.context import Failed

_MAX_LINKS = 40
_MAX_MEMBERS = 20 * 1000 * 1000
_ESCAPED = re.compile(r"\\([0-7]{3}|.)")
_LETTERS = {"n": "\n", "t": "\t", "r": "\r", "a": "\a", "b": "\b", "f": "\f", "v": "\v"}


class UnreadableArchive(Exception):
    """It is no archive of this format, or a damaged one."""


def inner_name(name: str) -> str:
    """The name below the folder; ``Failed`` for one that climbs out of it.

    An absolute name loses its slashes, as with tar and unzip.
    """
    if ".." in name.split("/"):
        raise refusal(name, "has a '..' in its name, which leads out of the destination")
    return name.lstrip("/")


def straight_name(name: str) -> str:
    """The one way to write a name: ``./a//b/`` and ``a/b`` are the same file."""
    return "/".join(part for part in name.split("/") if part not in ("", "."))


def add_link(links: Dict[str, str], name: str, target: str) -> None:
    """Note a link by its straight name; ``Failed`` if that is a link to something else already."""
    if links.setdefault(straight_name(name), target) != target:
        raise refusal(name, "is in the archive twice, as links to different places")


def refuse_ways_out(names: Iterable[str], links: Dict[str, str]) -> None:
    """Fail if a name goes through a link of the same archive to somewhere else.

    ``links`` are the archive's symbolic links with their targets.  A link that leads out is fine
    as long as nothing is unpacked through it.
    """
    if not links:
        return
    known: Dict[str, str] = {}
    for name, target in links.items():
        add_link(known, name, target)
    for name in names:
        if _leads_out(os.path.dirname(name.rstrip("/")), known):
            raise refusal(name, "goes through a link of the archive that leads out")


def refuse_overflow(size_bytes: int, count: int, dest: str) -> None:
    """Fail if the file system of ``dest`` has no room for so much, or for so many files."""
    room = os.statvfs(dest)
    free_bytes = room.f_bavail * room.f_frsize
    if size_bytes > free_bytes:
        raise Failed(
            f"refused to unpack: the archive holds {size_bytes} bytes or more, and only "
            f"{free_bytes} are free in {dest}; make room, or unpack it elsewhere"
        )
    # Some file systems have no such number.
    limit = room.f_favail if room.f_files else _MAX_MEMBERS
    if count > limit:
        raise Failed(
            f"refused to unpack: the archive holds {count} files or more, and only {limit} fit "
            f"in {dest}; unpack it elsewhere"
        )


def refusal(name: str, reason: str) -> Failed:
    """The failure that says which member is not to be unpacked, and why."""
    return Failed(
        f"refused to unpack: {name!r} {reason}; if you trust the archive, leave it out with "
        "'exclude', or unpack it with the module command"
    )


def unescape(text: str) -> str:
    """A name as ``tar --quoting-style=escape`` prints it, as it is."""

    def plain(found: Match[str]) -> str:
        word = found.group(1)
        if len(word) == 3:
            return chr(int(word, 8))
        return _LETTERS.get(word, word)

    if "\\" not in text:
        return text
    raw = text.encode("utf-8", "surrogateescape").decode("latin-1")
    return _ESCAPED.sub(plain, raw).encode("latin-1").decode("utf-8", "surrogateescape")


def _leads_out(path: str, links: Dict[str, str]) -> bool:
    here: List[str] = []
    left = path.split("/")
    followed = 0
    while left:
        part = left.pop(0)
        if part in ("", "."):
            continue
        if part == "..":
            if not here:
                return True
            here.pop()
            continue
        here.append(part)
        target = links.get("/".join(here))
        if target is None:
            continue
        followed += 1
        if target.startswith("/") or followed > _MAX_LINKS:
            return True
        here.pop()
        left = target.split("/") + left
    return False

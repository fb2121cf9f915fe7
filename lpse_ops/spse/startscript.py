"""What a site writes into the start script at installation: ``JAVA_HOME`` and ``SPSE4_HOME``.

A package brings its own script, so that these two have to be carried over (docs/assumptions-spse.md
S2).  Only plain paths are: a script is a program, and the old one may be of anybody's hand.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

NAMES = ("JAVA_HOME", "SPSE4_HOME")
MAX_BYTES = 1 << 18
_ASSIGNMENT = re.compile(
    rb"^[ \t]*(?:export[ \t]+)?(JAVA_HOME|SPSE4_HOME)=([^\r\n]*)", re.MULTILINE
)
_PATH = re.compile(rb"""(["']?)(/[A-Za-z0-9_./+-]{1,200})\1[ \t]*(?:\#.*)?""")


@dataclass(frozen=True)
class Homes:
    """``paths``: name -> path; ``unread`` are names that are set to something else."""

    paths: Mapping[str, str]
    unread: tuple[str, ...]


def find_homes(script: bytes) -> Homes:
    """What a script sets, the first of each name."""
    paths: dict[str, str] = {}
    unread: list[str] = []
    for match in _ASSIGNMENT.finditer(script):
        name = match[1].decode()
        if name in paths or name in unread:
            continue
        path = _PATH.fullmatch(match[2])
        if path is None:
            unread.append(name)
        else:
            paths[name] = path[2].decode()
    return Homes(paths, tuple(unread))


def set_homes(script: bytes, paths: Mapping[str, str]) -> bytes:
    """The script with these paths: where it sets them, else below its first line."""
    for name in NAMES:
        if name not in paths:
            continue
        line = f"{name}={paths[name]}".encode()
        match = next(
            (each for each in _ASSIGNMENT.finditer(script) if each[1].decode() == name), None
        )
        if match is not None:
            prefix = match[0][: match[0].index(name.encode())]
            script = script[: match.start()] + prefix + line + script[match.end() :]
        else:
            head, newline, rest = script.partition(b"\n")
            script = head + (newline or b"\n") + line + b"\n" + rest
    return script


def carry_homes(old: bytes, new: bytes, moved: Mapping[str, str]) -> bytes:
    """The new script with what the old one sets otherwise; ``moved`` are places of releases.

    A path below the old release's own folder would lead back to it, and goes through the link.
    """
    theirs = find_homes(new).paths
    ours = {name: moved.get(path, path) for name, path in find_homes(old).paths.items()}
    return set_homes(new, {name: path for name, path in ours.items() if theirs.get(name) != path})


def is_carried(packed: bytes, found: bytes) -> bool:
    """Whether a script is as it was packed, but for these two paths."""
    homes = find_homes(found).paths
    return found in (packed, set_homes(packed, homes))

"""What a package of SPSE holds: members as an archive names them, entries as they were read."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, TypeAlias

Kind = Literal["file", "folder", "link", "hard link"]
_LONGEST_SHOWN = 100


class BadArchive(ValueError):
    """Why an archive must not be used: one harmless line, also where ``name`` is hostile."""

    def __init__(self, why: str, name: str | bytes | None = None) -> None:
        super().__init__(why if name is None else f"{show_name(name)} {why}")


@dataclass(frozen=True)
class Member:
    """What the archive says; ``path`` is relative and clean, ``""`` is the folder of all.

    ``target`` of a link is as written (from the link's own folder), of a hard link a path like
    ``path``.  ``size_bytes`` is only a claim.
    """

    path: str
    kind: Kind
    size_bytes: int = 0
    is_executable: bool = False
    target: str = ""


@dataclass(frozen=True)
class Entry:
    """What was really there; ``sha256`` (hex) and ``size_bytes`` are of a file's bytes."""

    path: str
    kind: Kind
    size_bytes: int = 0
    sha256: str = ""
    is_executable: bool = False
    target: str = ""


# Members in the archive's order; the content is only good until the next one is asked for.
Members: TypeAlias = Iterator[tuple[Member, Iterator[bytes]]]


def show_name(name: str | bytes) -> str:
    """A name in one short line of ASCII, whatever it holds."""
    text = ascii(name if isinstance(name, str) else name.decode("utf-8", "surrogateescape"))
    return text if len(text) <= _LONGEST_SHOWN else f"{text[: _LONGEST_SHOWN - 4]} ..."

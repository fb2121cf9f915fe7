"""Files in ``group_vars`` and ``host_vars`` that nobody reads."""

import os
from collections.abc import Collection, Iterator
from typing import NamedTuple

from lpse_ops.inventory.nearness import nearest
from lpse_ops.inventory.seen import Fault
from lpse_ops.inventory.varsfiles import ENDINGS
from lpse_ops.marked import Origin

# What people keep beside variables without meaning them to be read.
_NOT_VARIABLES = (".md", ".txt", ".rst", ".example", ".sample", ".license", ".gitkeep", "~")
_ORDER = ("", *ENDINGS)


class VarsFolder(NamedTuple):
    """A ``group_vars`` or ``host_vars`` folder, and the names that its files may be for."""

    path: str
    kind: str
    known: Collection[str]
    is_complete: bool


def unread_files(folder: VarsFolder) -> Iterator[Fault]:
    """A fault for each file or folder that belongs to no name, or comes after another one."""
    try:
        names = sorted(os.listdir(folder.path))
    except OSError:
        return
    by_owner: dict[str, list[str]] = {}
    for entry in names:
        if entry.startswith(".") or entry.lower().endswith(_NOT_VARIABLES):
            continue
        owner = _owner(entry, folder.known)
        if owner is not None:
            by_owner.setdefault(owner, []).append(entry)
        elif folder.is_complete:
            yield _for_nobody(folder, entry)
    for owner, entries in by_owner.items():
        yield from _of_one_name(folder, owner, entries)


def _owner(entry: str, known: Collection[str]) -> str | None:
    """Whose file it is; a name may itself end like a file."""
    stem, ending = os.path.splitext(entry)
    if entry in known:
        return entry
    return stem if ending in ENDINGS and stem in known else None


def _for_nobody(folder: VarsFolder, entry: str) -> Fault:
    stem, ending = os.path.splitext(entry)
    name = stem if ending in ENDINGS else entry
    near = nearest(name, folder.known)
    question = f"did you mean {near!r}? " if near else ""
    return Fault(
        Origin(os.path.join(folder.path, entry)),
        f"nobody reads this: there is no {folder.kind} {name!r}",
        f"{question}rename it after a {folder.kind} of the inventory, or remove it",
    )


def _of_one_name(folder: VarsFolder, owner: str, entries: list[str]) -> Iterator[Fault]:
    ordered = sorted(entries, key=lambda entry: _ORDER.index(entry[len(owner) :]))
    for entry in ordered[1:]:
        yield Fault(
            Origin(os.path.join(folder.path, entry)),
            f"nobody reads this: for the {folder.kind} {owner!r} {ordered[0]} is read and no other",
            f"move both into a folder {os.path.join(folder.path, owner)}/, or join them",
            owner,
        )
    first = os.path.join(folder.path, ordered[0])
    if os.path.isdir(first):
        yield from _inside(first, owner)


def _inside(folder: str, owner: str) -> Iterator[Fault]:
    """Of a folder for one name, what is left out because of its ending."""
    for entry in sorted(os.listdir(folder)):
        ending = os.path.splitext(entry)[1]
        if entry.startswith(".") or entry.lower().endswith(_NOT_VARIABLES):
            continue
        if ending and (ending not in ENDINGS or os.path.isdir(os.path.join(folder, entry))):
            yield Fault(
                Origin(os.path.join(folder, entry)),
                f"nobody reads this: a name that ends with {ending!r} is left out",
                "give files the ending .yml, and folders no ending",
                owner,
            )

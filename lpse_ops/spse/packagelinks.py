"""Links in a package: each must lead to something inside the folder that is unpacked."""

from collections.abc import Mapping

from lpse_ops.spse.packageentry import BadArchive, Entry, show_name
from lpse_ops.spse.packagenames import MAX_PATH_BYTES


def check_links(entries: Mapping[str, Entry], root: str) -> None:
    """Raise ``BadArchive`` for a link below ``root`` that leads anywhere else, or to nothing.

    ``root`` is the folder of the application in the archive, ``""`` for all of it.
    """
    folders = {path[:at] for path in entries for at, char in enumerate(path) if char == "/"}
    for entry in entries.values():
        if not is_below(entry.path, root):
            continue
        if entry.kind == "link":
            _check_link(entry, entries, folders, root)
        elif entry.kind == "hard link":
            _check_hard_link(entry, entries, root)


def is_below(path: str, root: str) -> bool:
    return not root or path.startswith(f"{root}/")


def _check_link(entry: Entry, entries: Mapping[str, Entry], folders: set[str], root: str) -> None:
    """Walk the target name by name, as the kernel would; links on the way are not allowed."""
    target = entry.target
    if target.startswith("/"):
        raise BadArchive(f"is a link to the absolute path {show_name(target)}", entry.path)
    if not target or not target.isprintable() or len(target.encode()) > MAX_PATH_BYTES:
        raise BadArchive("is a link with a target that no file can have", entry.path)
    place = entry.path.split("/")[:-1]
    depth = len(root.split("/")) if root else 0
    for part in target.split("/"):
        if _is_link("/".join(place), entries):
            raise BadArchive("is a link that leads through another link", entry.path)
        if part == "..":
            if len(place) <= depth:
                raise BadArchive(f"is a link that leads out: {show_name(target)}", entry.path)
            place.pop()
        elif part not in ("", "."):
            place.append(part)
    end = "/".join(place)
    if end == entry.path or (end != root and end not in entries and end not in folders):
        raise BadArchive(f"is a link to nothing in the package: {show_name(target)}", entry.path)


def _is_link(path: str, entries: Mapping[str, Entry]) -> bool:
    return path in entries and entries[path].kind == "link"


def _check_hard_link(entry: Entry, entries: Mapping[str, Entry], root: str) -> None:
    target = entries.get(entry.target)
    if target is None or not is_below(entry.target, root):
        raise BadArchive(f"is a hard link that leads out: {show_name(entry.target)}", entry.path)
    if target.kind != "file":
        raise BadArchive(f"is a hard link to a {target.kind}", entry.path)

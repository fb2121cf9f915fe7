"""What the previous snapshot knew of a directory, kept as the text of its nodes.

Comparing text is what makes an unchanged backup quick: a file whose node would come out the same
is taken over without decoding or encoding anything.  Text that does not look like restic's own
is decoded, or the file is simply read again.
"""

import json
import os
import re
import stat
from collections.abc import Sequence
from dataclasses import dataclass, field

from lpse_ops.backup.blobindex import BlobIndex
from lpse_ops.backup.gojson import MALFORMED, quote_name
from lpse_ops.backup.gotime import parse_ns
from lpse_ops.backup.node import blob_id
from lpse_ops.backup.pack import BlobType
from lpse_ops.backup.source import OwnerText
from lpse_ops.backup.treebuilder import render_regular
from lpse_ops.backup.treewalk import TreeLoader
from lpse_ops.errors import OpsError

# Inside a JSON string a quotation mark is always escaped, so none of these is ever part of one.
_FIRST = '{"nodes":[{"name":"'
_BETWEEN = '},{"name":"'
_LAST = "}]}\n"
_CONTENT = ',"content":['
_SUBTREE = re.compile(r',"content":null,"subtree":"([0-9a-f]{64})"$')
_IDS = re.compile(r'"[0-9a-f]{64}"(?:,"[0-9a-f]{64}")*')
_TYPE = '","type":"'
_ID = slice(len(',"content":["'), -len('"]}'))
_NO_CONTENT = ',"content":[]}'

# type is file; then size, mtime, ctime (nanoseconds) and inode, as restic compares them.
Fingerprint = tuple[int, int, int, int]


@dataclass
class Taken:
    """``rest`` are the entries that were not taken over."""

    files: int = 0
    size_bytes: int = 0
    rest: "list[tuple[bytes, os.stat_result]]" = field(default_factory=list)


class KnownFolder:
    """One directory of the parent snapshot; names are as they stand in JSON.

    ``only_files`` is their number if there is nothing but files, in the order of the format.
    """

    def __init__(
        self, files: dict[str, str], folders: dict[str, bytes], only_files: int = 0
    ) -> None:
        self._files = files
        self._folders = folders
        self._only_files = only_files

    def subtree(self, quoted_name: str) -> bytes | None:
        return self._folders.get(quoted_name)

    def __contains__(self, quoted_name: str) -> bool:
        return quoted_name in self._files or quoted_name in self._folders

    def is_all(self, files: int) -> bool:
        """Whether so many of its files, unchanged, would make the very same blob again."""
        return files == self._only_files > 0

    def same_text(self, quoted_name: str, head: str) -> str | None:
        """The stored node if it begins with ``head``, which says all that would change."""
        text = self._files.get(quoted_name)
        return text if text is not None and text.startswith(head) else None

    def same_content(self, quoted_name: str, fingerprint: Fingerprint) -> list[bytes] | None:
        """The stored content ids if size, times and inode are equal, whatever else changed."""
        text = self._files.get(quoted_name)
        if text is None:
            return None
        try:
            raw = json.loads(text)
            known = (
                raw.get("size", 0),
                parse_ns(raw["mtime"]),
                parse_ns(raw["ctime"]),
                raw.get("inode", 0),
            )
            return list(map(blob_id, raw["content"])) if known == fingerprint else None
        except MALFORMED:
            return None

    def take_over(
        self,
        index: BlobIndex,
        found: "Sequence[tuple[bytes, os.stat_result]]",
        entries: dict[bytes, str | None],
        owner_text: OwnerText,
    ) -> Taken:
        """Put into ``entries`` the nodes of those that did not change and are stored.

        Written for speed: an unchanged backup spends most of its time here.  Only files of at
        most one blob are seen; whoever is left must be looked at one by one.
        """
        files = self._files
        taken = Taken()
        for name, status in found:
            quoted = quote_name(name)
            text = files.get(quoted)
            if text is None or not stat.S_ISREG(status.st_mode):
                taken.rest.append((name, status))
                continue
            head = render_regular(quoted, status, owner_text)
            if text.startswith(head) and _is_stored(index, text[len(head) :]):
                entries[name] = text
                taken.files += 1
                taken.size_bytes += status.st_size
            else:
                taken.rest.append((name, status))
        return taken


EMPTY = KnownFolder({}, {})


def _is_stored(index: BlobIndex, end: str) -> bool:
    """Whether a node's end says that it has no content, or one blob that is stored."""
    if end == _NO_CONTENT:
        return True
    try:
        blob = bytes.fromhex(end[_ID])
    except ValueError:
        return False
    return end == f',"content":["{blob.hex()}"]}}' and index.has(BlobType.DATA, blob)


def content_of(node_text: str) -> list[bytes] | None:
    """Content ids of a file's node, from its text; None if anything else follows them."""
    inside = node_text[node_text.rindex(_CONTENT) + len(_CONTENT) :].removesuffix("]}")
    if not inside:
        return []
    if _IDS.fullmatch(inside) is None:
        return None
    return [bytes.fromhex(each[1:-1]) for each in inside.split(",")]


def load_known(trees: TreeLoader, tree_id: bytes | None) -> KnownFolder:
    """Read a directory of the parent; one that is lost or damaged is as if it never was."""
    if tree_id is None:
        return EMPTY
    try:
        return parse_known(trees.blob(tree_id).decode("utf-8"))
    except (OpsError, UnicodeDecodeError):
        return EMPTY


def parse_known(text: str) -> KnownFolder:
    """Cut a tree's text into its nodes."""
    files: dict[str, str] = {}
    folders: dict[str, bytes] = {}
    bodies = _node_bodies(text)
    for body in bodies:
        name, _, rest = body.partition(_TYPE)
        if rest.startswith('file"'):
            if _CONTENT in rest:
                files[name] = f'{{"name":"{body}}}'
        elif rest.startswith('dir"') and (subtree := _SUBTREE.search(rest)):
            folders[name] = bytes.fromhex(subtree[1])
    # Without an escape, the names' text has the order of their bytes.
    is_ordered = "\\" not in text and list(files) == sorted(files)
    is_plain = is_ordered and len(files) == len(bodies)
    return KnownFolder(files, folders, len(files) if is_plain else 0)


def _node_bodies(text: str) -> list[str]:
    """Each node's text, less the braces and the start of its name."""
    if not (text.startswith(_FIRST) and text.endswith(_LAST)):
        return []
    pieces = text[len(_FIRST) : -len(_LAST)].split(_BETWEEN)
    if all(map(_has_type, pieces)):
        return pieces
    bodies: list[str] = []
    for piece in pieces:
        # An extended attribute begins as a node does, but has no type.
        if bodies and not _has_type(piece):
            bodies[-1] += _BETWEEN + piece
        else:
            bodies.append(piece)
    return bodies


def _has_type(piece: str) -> bool:
    return _TYPE in piece


def all_stored(index: BlobIndex, content: Sequence[bytes]) -> bool:
    return all(index.has(BlobType.DATA, each) for each in content)

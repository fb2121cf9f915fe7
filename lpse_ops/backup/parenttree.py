"""What the previous snapshot knew of a directory, kept as the text of its nodes.

Comparing text is what makes an unchanged backup quick: a file whose node would come out the same
is taken over without decoding or encoding anything.  Text that does not look like restic's own
is decoded, or the file is simply read again.
"""

import json
import re
from collections.abc import Sequence

from lpse_ops.backup.blobindex import BlobIndex
from lpse_ops.backup.gojson import MALFORMED
from lpse_ops.backup.gotime import parse_ns
from lpse_ops.backup.node import blob_id
from lpse_ops.backup.pack import BlobType
from lpse_ops.backup.repository import Repository
from lpse_ops.errors import OpsError

# Inside a JSON string a quotation mark is always escaped, so none of these is ever part of one.
_FIRST = '{"nodes":[{"name":"'
_BETWEEN = '},{"name":"'
_LAST = "}]}\n"
_CONTENT = ',"content":['
_SUBTREE = re.compile(r',"content":null,"subtree":"([0-9a-f]{64})"$')
_IDS = re.compile(r'"[0-9a-f]{64}"(?:,"[0-9a-f]{64}")*')
_NAME_AND_TYPE = re.compile(r'((?:[^"\\]|\\.)*)","type":"([a-z]+)"')

# type is file; then size, mtime, ctime (nanoseconds) and inode, as restic compares them.
Fingerprint = tuple[int, int, int, int]


class KnownFolder:
    """One directory of the parent snapshot; names are as they stand in JSON."""

    def __init__(self, files: dict[str, str], folders: dict[str, bytes]) -> None:
        self._files = files
        self._folders = folders

    def subtree(self, quoted_name: str) -> bytes | None:
        return self._folders.get(quoted_name)

    def __contains__(self, quoted_name: str) -> bool:
        return quoted_name in self._files or quoted_name in self._folders

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


EMPTY = KnownFolder({}, {})


def content_of(node_text: str) -> list[bytes] | None:
    """Content ids of a file's node, from its text; None if anything else follows them."""
    inside = node_text[node_text.rindex(_CONTENT) + len(_CONTENT) :].removesuffix("]}")
    if not inside:
        return []
    if _IDS.fullmatch(inside) is None:
        return None
    return [bytes.fromhex(each[1:-1]) for each in inside.split(",")]


def load_known(repository: Repository, index: BlobIndex, tree_id: bytes | None) -> KnownFolder:
    """Read a directory of the parent; one that is lost or damaged is as if it never was."""
    if tree_id is None:
        return EMPTY
    try:
        blob = repository.load_blob(index, BlobType.TREE, tree_id)
        return parse_known(blob.decode("utf-8"))
    except (OpsError, UnicodeDecodeError):
        return EMPTY


def parse_known(text: str) -> KnownFolder:
    """Cut a tree's text into its nodes."""
    files: dict[str, str] = {}
    folders: dict[str, bytes] = {}
    for body in _node_bodies(text):
        match = _NAME_AND_TYPE.match(body)
        if match is None:
            continue
        if match[2] == "file" and _CONTENT in body:
            files[match[1]] = f'{{"name":"{body}}}'
        elif match[2] == "dir" and (subtree := _SUBTREE.search(body)):
            folders[match[1]] = bytes.fromhex(subtree[1])
    return KnownFolder(files, folders)


def _node_bodies(text: str) -> list[str]:
    """Each node's text, less the braces and the start of its name."""
    if not (text.startswith(_FIRST) and text.endswith(_LAST)):
        return []
    bodies: list[str] = []
    for piece in text[len(_FIRST) : -len(_LAST)].split(_BETWEEN):
        # An extended attribute begins as a node does, but has no type.
        if bodies and _NAME_AND_TYPE.match(piece) is None:
            bodies[-1] += _BETWEEN + piece
        else:
            bodies.append(piece)
    return bodies


def all_stored(index: BlobIndex, content: Sequence[bytes]) -> bool:
    return all(index.has(BlobType.DATA, each) for each in content)

"""Tree blobs: the JSON of one directory, its entries in the order of their raw names.

A blob is decoded by msgspec.  What its typed decoder refuses goes to ``json`` and ``decode_node``,
whose word is final: they take the oddities that Go takes, and say what is wrong with the rest.
"""

import base64
import json
from binascii import a2b_hex
from collections.abc import Iterable, Iterator, Sequence
from operator import lt
from typing import Annotated, Literal, NamedTuple

import msgspec

from lpse_ops.backup.gojson import MALFORMED, go_unquote
from lpse_ops.backup.gotime import refuse_malformed
from lpse_ops.backup.node import NO_TIME, Node, XAttrs, decode_node, encode_node
from lpse_ops.errors import DamagedRepository

EMPTY_TREE = b'{"nodes":[]}\n'

# What ``json`` decodes takes some twenty times as much.
_MAX_SLOW_BYTES = 1 << 26
# msgspec compares in 64 bits with a sign; numbers above are taken by ``decode_node``.
_Number = Annotated[int, msgspec.Meta(ge=0, le=(1 << 63) - 1)]
_Number32 = Annotated[int, msgspec.Meta(ge=0, le=(1 << 32) - 1)]
_HexId = Annotated[str, msgspec.Meta(min_length=64, max_length=64)]
_Type = Literal["file", "dir", "symlink", "dev", "chardev", "fifo", "socket"]


class Reference(NamedTuple):
    """What a walk needs of an entry: ``content`` is None where the tree holds no list.

    A file must have a list, be it empty; restic calls anything else damage.
    """

    name: bytes
    type: str
    size: int
    content: tuple[bytes, ...] | None
    subtree: bytes | None


class _XAttr(msgspec.Struct, gc=False):
    name: str
    value: str | None = None


class _RawNode(msgspec.Struct, gc=False):
    """Fields in the order in which they are written: so they are found at once."""

    name: str
    type: _Type
    mode: _Number32 = 0
    mtime: str = NO_TIME
    atime: str = NO_TIME
    ctime: str = NO_TIME
    uid: _Number32 = 0
    gid: _Number32 = 0
    user: str = ""
    group: str = ""
    inode: _Number = 0
    device_id: _Number = 0
    size: _Number = 0
    links: _Number = 0
    linktarget: str = ""
    linktarget_raw: str | None = None
    extended_attributes: list[_XAttr] | None = None
    device: _Number = 0
    content: list[_HexId] | None = None
    subtree: _HexId | None = None

    def link_target(self) -> bytes:
        if self.linktarget_raw:
            return base64.b64decode(self.linktarget_raw, validate=True)
        return self.linktarget.encode()

    def xattrs(self) -> XAttrs:
        return tuple(
            (each.name.encode(), base64.b64decode(each.value or "", validate=True))
            for each in self.extended_attributes or ()
        )


class _RawTree(msgspec.Struct, gc=False):
    nodes: list[_RawNode] | None


_DECODE_TREE = msgspec.json.Decoder(_RawTree).decode


def encode_tree(encoded_nodes: Iterable[str]) -> bytes:
    """The blob from nodes that are encoded and in order already."""
    return ('{"nodes":[' + ",".join(encoded_nodes) + "]}\n").encode("utf-8", "surrogateescape")


def encode_nodes(nodes: Iterable[Node]) -> bytes:
    """The blob from nodes in any order."""
    return encode_tree(map(encode_node, sorted(nodes, key=lambda node: node.name)))


def parse_tree(blob: bytes, tree_id: bytes) -> list[Node]:
    """The entries of a directory, or ``DamagedRepository``: nothing in them is trusted."""
    try:
        return _nodes(_DECODE_TREE(blob).nodes or [])
    except (ValueError, RecursionError) as error:
        return list(_decode_slowly(blob, tree_id, error))


def parse_references(blob: bytes, tree_id: bytes) -> list[Reference]:
    """As ``parse_tree``, and it refuses the same, in less time."""
    try:
        return _references(_DECODE_TREE(blob).nodes or [])
    except (ValueError, RecursionError) as error:
        nodes = list(_decode_slowly(blob, tree_id, error))
        raws = json.loads(blob)["nodes"] or ()
        return [
            Reference(
                node.name,
                node.type,
                node.size,
                None if raw.get("content") is None else node.content,
                node.subtree,
            )
            for node, raw in zip(nodes, raws, strict=True)
        ]


def _nodes(raws: list[_RawNode]) -> list[Node]:
    """Raises ``ValueError`` at all that is odd; it need not be damage."""
    nodes: list[Node] = []
    _refuse_malformed_times(raws)
    # Not Node(...): the same without a call of Python code for each entry.
    add, new = nodes.append, tuple.__new__
    for raw, name in zip(raws, _names(raws), strict=True):
        kind, ids, subtree = raw.type, raw.content, raw.subtree
        if (kind == "dir") is (subtree is None):
            raise ValueError("a wrong subtree")
        fields = (
            name, kind, raw.mode, raw.mtime, raw.atime, raw.ctime, raw.uid, raw.gid, raw.user,
            raw.group, raw.inode, raw.device_id, raw.size, raw.links,
            raw.link_target() if raw.linktarget or raw.linktarget_raw else b"",
            raw.xattrs() if raw.extended_attributes else (),
            raw.device,
            tuple([a2b_hex(each) for each in ids]) if ids else (),
            None if subtree is None else a2b_hex(subtree),
        )  # fmt: skip
        add(new(Node, fields))
    return nodes


def _references(raws: list[_RawNode]) -> list[Reference]:
    """Raises ``ValueError`` at all that is odd; it need not be damage."""
    references: list[Reference] = []
    _refuse_malformed_times(raws)
    add, new = references.append, tuple.__new__
    for raw, name in zip(raws, _names(raws), strict=True):
        kind, ids, subtree = raw.type, raw.content, raw.subtree
        if (kind == "dir") is (subtree is None):
            raise ValueError("a wrong subtree")
        if ids and len(ids) == 1:  # most of them
            content: tuple[bytes, ...] | None = (a2b_hex(ids[0]),)
        else:
            content = None if ids is None else tuple([a2b_hex(each) for each in ids])
        below = None if subtree is None else a2b_hex(subtree)
        if raw.linktarget_raw:
            raw.link_target()
        if raw.extended_attributes:
            raw.xattrs()
        add(new(Reference, (name, kind, raw.size, content, below)))
    return references


def _refuse_malformed_times(raws: Sequence[_RawNode]) -> None:
    texts = {raw.mtime for raw in raws}
    texts.update([raw.atime for raw in raws])
    texts.update([raw.ctime for raw in raws])
    refuse_malformed(texts)


def _names(raws: Sequence[_RawNode]) -> list[bytes]:
    """Raw names, in order and possible; looked at all together, which is quicker."""
    names = [raw.name.encode() for raw in raws]
    together = b"\n%b\n" % b"\n".join(names)
    if b"\\" in together:
        names = [go_unquote(raw.name) for raw in raws]
        together = b"\n%b\n" % b"\n".join(names)
    # A name that holds line ends may look like one of the last two, and goes the slow way.
    for impossible in (b"/", b"\0", b"\n.\n", b"\n..\n"):
        if impossible in together:
            raise ValueError("an impossible name")
    if names and not (names[0] and all(map(lt, names, names[1:]))):
        raise ValueError("names are out of order")
    return names


def _decode_slowly(blob: bytes, tree_id: bytes, first: Exception) -> Iterator[Node]:
    """``first`` is what the typed decoder says; with a very large tree it is the last word."""
    try:
        if len(blob) > _MAX_SLOW_BYTES:
            raise first
        previous = b""
        for raw in json.loads(blob)["nodes"] or ():
            node = decode_node(raw)
            if node.name <= previous:
                raise ValueError(f"entry {node.name[:100]!r} is out of order")
            previous = node.name
            yield node
    except MALFORMED as error:
        raise DamagedRepository(
            f"directory {tree_id.hex()[:10]} in the repository cannot be read: {error}",
            hint="run lpse-ops backup check; other snapshots may be whole",
        ) from error

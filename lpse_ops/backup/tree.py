"""Tree blobs: the JSON of one directory, its entries in the order of their raw names."""

import json
from collections.abc import Iterable, Iterator

from lpse_ops.backup.gojson import MALFORMED
from lpse_ops.backup.node import Node, decode_node, encode_node
from lpse_ops.errors import DamagedRepository

EMPTY_TREE = b'{"nodes":[]}\n'


def encode_tree(encoded_nodes: Iterable[str]) -> bytes:
    """The blob from nodes that are encoded and in order already."""
    return ('{"nodes":[' + ",".join(encoded_nodes) + "]}\n").encode("utf-8", "surrogateescape")


def encode_nodes(nodes: Iterable[Node]) -> bytes:
    """The blob from nodes in any order."""
    return encode_tree(map(encode_node, sorted(nodes, key=lambda node: node.name)))


def parse_tree(blob: bytes, tree_id: bytes) -> list[Node]:
    """The entries of a directory, or ``DamagedRepository``: nothing in them is trusted."""
    return list(_parse(blob, tree_id))


def _parse(blob: bytes, tree_id: bytes) -> Iterator[Node]:
    try:
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

"""The Merkle tree hash of RFC 6962, section 2.1, over leaves that come one after another."""

import hashlib


class MerkleTree:
    """Takes leaves in order; holds one hash for each bit of their number."""

    def __init__(self) -> None:
        self.size = 0
        # Roots of complete subtrees, the largest first.
        self._roots: list[bytes] = []

    def add(self, leaf: bytes) -> None:
        node = hashlib.sha256(b"\x00" + leaf).digest()
        below = self.size
        while below & 1:
            node = _join(self._roots.pop(), node)
            below >>= 1
        self._roots.append(node)
        self.size += 1

    def root(self) -> bytes:
        """The hash over all leaves so far."""
        if not self._roots:
            return hashlib.sha256().digest()
        node = self._roots[-1]
        for left in reversed(self._roots[:-1]):
            node = _join(left, node)
        return node


def _join(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()

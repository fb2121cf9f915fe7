"""The tree hash, by the vectors of RFC 6962's authors and by its definition."""

import hashlib
from collections.abc import Sequence

import pytest

from lpse_ops.merkle import MerkleTree

# From the tests of certificate-transparency-go (merkle_tree_test): leaves and roots.
LEAVES = [
    bytes.fromhex(text)
    for text in (
        "", "00", "10", "2021", "3031", "40414243", "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]  # fmt: skip
ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]


def root_of(leaves: Sequence[bytes]) -> bytes:
    tree = MerkleTree()
    for leaf in leaves:
        tree.add(leaf)
    return tree.root()


def by_definition(leaves: Sequence[bytes]) -> bytes:
    if len(leaves) == 1:
        return hashlib.sha256(b"\0" + leaves[0]).digest()
    split = 1 << (len(leaves) - 1).bit_length() - 1
    halves = by_definition(leaves[:split]) + by_definition(leaves[split:])
    return hashlib.sha256(b"\1" + halves).digest()


@pytest.mark.parametrize("size", range(1, 9))
def test_the_published_roots(size):
    assert root_of(LEAVES[:size]).hex() == ROOTS[size - 1]


def test_no_leaves():
    assert root_of([]) == hashlib.sha256(b"").digest()


@pytest.mark.parametrize("size", [*range(1, 40), 63, 64, 65, 255, 257])
def test_it_is_as_defined(size):
    leaves = [str(number).encode() for number in range(size)]
    assert root_of(leaves) == by_definition(leaves)


def test_the_root_is_there_after_every_leaf():
    tree = MerkleTree()
    for size, leaf in enumerate(LEAVES, start=1):
        tree.add(leaf)
        assert (tree.size, tree.root()) == (size, root_of(LEAVES[:size]))

"""Sizes as restored and as stored."""

import pytest

from lpse_ops.backup.stats import measure
from lpse_ops.backup.storage.memory import MemoryBackend
from tests.backup.repositories import RepositoryBuilder, dir_node, link_node, make_repository


@pytest.fixture
def builder() -> RepositoryBuilder:
    return RepositoryBuilder(make_repository(MemoryBackend()))


def test_restored_and_stored_sizes(builder: RepositoryBuilder):
    shared = builder.tree(builder.file(b"a", b"x" * 1000), builder.file(b"b", b"x" * 1000))
    one = builder.tree(dir_node(b"d", shared), link_node(b"l", b"a"))
    two = builder.tree(dir_node(b"d", shared), builder.file(b"c", b"y" * 500))
    for tree in (one, two):
        builder.snapshot(tree)
    repository = builder.repository
    index = repository.load_index()
    sizes = measure(repository, index, repository.snapshots())
    assert (sizes.snapshots, sizes.files, sizes.restore_bytes) == (2, 5, 4500)
    assert sizes.blobs == len(index) == 5
    assert sizes.raw_bytes < sizes.plain_bytes
    assert sizes.deduplication == pytest.approx(4500 / sizes.plain_bytes)
    assert sizes.compression == pytest.approx(sizes.plain_bytes / sizes.raw_bytes)


def test_hard_links_are_restored_once_in_each_snapshot(builder: RepositoryBuilder):
    names = [builder.file(name, b"x" * 100, links=3, inode=5) for name in (b"a", b"b", b"c")]
    tree = builder.tree(*names, builder.file(b"d", b"x" * 100, links=2, inode=0))
    builder.snapshot(tree)
    builder.snapshot(tree)
    repository = builder.repository
    sizes = measure(repository, repository.load_index(), repository.snapshots())
    assert (sizes.files, sizes.restore_bytes) == (4, 400)


def test_nothing_has_no_size(builder: RepositoryBuilder):
    sizes = measure(builder.repository, builder.repository.load_index(), [])
    assert (sizes.restore_bytes, sizes.raw_bytes, sizes.deduplication, sizes.compression) == (
        0,
        0,
        1.0,
        1.0,
    )

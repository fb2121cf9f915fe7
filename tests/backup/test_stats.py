"""Sizes as restored and as stored."""

import pytest

from lpse_ops.backup.stats import measure
from lpse_ops.backup.storage.memory import MemoryBackend
from lpse_ops.backup.treewalk import MAX_DEPTH
from lpse_ops.errors import DamagedRepository
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


def test_links_below_shared_folders_are_restored_once_in_each_snapshot(builder: RepositoryBuilder):
    """One name in each of two equal folders, one beside them, deeper in the second snapshot."""
    name = builder.file(b"a", b"x" * 100, links=3, inode=5, device_id=1)
    other = builder.file(b"b", b"y" * 7, links=2, inode=5, device_id=2)
    shared = builder.tree(name, other)
    one = builder.tree(dir_node(b"d", shared), dir_node(b"e", shared), name)
    two = builder.tree(dir_node(b"deeper", one), builder.file(b"z", b"z"))
    for tree in (one, two):
        builder.snapshot(tree)
    repository = builder.repository
    sizes = measure(repository, repository.load_index(), repository.snapshots())
    assert (sizes.files, sizes.restore_bytes) == (2 + 3, 107 + 108)


def nested(builder: RepositoryBuilder, levels: int) -> None:
    tree = builder.tree(builder.file(b"f", b"xyz"))
    for _ in range(levels):
        tree = builder.tree(dir_node(b"a", tree), dir_node(b"b", tree))
    builder.snapshot(tree)


def test_a_folder_that_stands_everywhere_is_read_once(builder: RepositoryBuilder):
    nested(builder, 40)
    repository = builder.repository
    sizes = measure(repository, repository.load_index(), repository.snapshots())
    assert (sizes.files, sizes.restore_bytes, sizes.blobs) == (1 << 40, 3 << 40, 42)


@pytest.mark.parametrize(("levels", "message"), [(64, "64 bits"), (MAX_DEPTH, "nested deeper")])
def test_what_no_disk_holds_is_damage(builder: RepositoryBuilder, levels: int, message: str):
    nested(builder, levels)
    repository = builder.repository
    with pytest.raises(DamagedRepository, match=message):
        measure(repository, repository.load_index(), repository.snapshots())


def test_nothing_has_no_size(builder: RepositoryBuilder):
    sizes = measure(builder.repository, builder.repository.load_index(), [])
    assert (sizes.restore_bytes, sizes.raw_bytes, sizes.deduplication, sizes.compression) == (
        0,
        0,
        1.0,
        1.0,
    )

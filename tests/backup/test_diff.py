"""What changed between two trees, and what that is worth in bytes."""

import pytest

from lpse_ops.backup.diff import DiffStatistics, diff_trees
from lpse_ops.backup.node import Node
from lpse_ops.backup.storage.memory import MemoryBackend
from tests.backup.repositories import RepositoryBuilder, dir_node, link_node, make_repository


@pytest.fixture
def builder() -> RepositoryBuilder:
    return RepositoryBuilder(make_repository(MemoryBackend()))


def diff(
    builder: RepositoryBuilder, old: bytes, new: bytes, *, metadata: bool = False
) -> tuple[list[str], DiffStatistics]:
    builder.save()
    index = builder.repository.load_index()
    statistics = DiffStatistics()
    lines = []
    for change in diff_trees(
        builder.repository, index, old, new, metadata=metadata, statistics=statistics
    ):
        statistics.count(change)
        lines.append(f"{change.modifier} {change.path.decode()}")
    statistics.finish(index)
    return lines, statistics


def test_equal_trees_are_not_even_read(builder: RepositoryBuilder):
    nowhere = bytes(32)
    assert diff(builder, nowhere, nowhere)[0] == []
    old = builder.tree(dir_node(b"same", nowhere), builder.file(b"f", b"1"))
    new = builder.tree(dir_node(b"same", nowhere), builder.file(b"f", b"2"))
    assert diff(builder, old, new)[0] == ["M /f"]


def test_every_kind_of_change_in_the_order_of_the_paths(builder: RepositoryBuilder):
    gone = builder.tree(builder.file(b"below", b"1"))
    old = builder.tree(
        builder.file(b"changed", b"1"),
        dir_node(b"gone", gone),
        builder.file(b"kept", b"2"),
        link_node(b"link", b"a"),
        builder.file(b"mode", b"3"),
        builder.file(b"type", b"4"),
        builder.file(b"was-file", b"5"),
    )
    new = builder.tree(
        builder.file(b"changed", b"one"),
        builder.file(b"fresh", b"6"),
        builder.file(b"kept", b"2"),
        link_node(b"link", b"b"),
        builder.file(b"mode", b"3", mode=0o600),
        link_node(b"type", b"x"),
        dir_node(b"was-file", builder.tree(builder.file(b"inside", b"7"))),
    )
    plain = [
        "M /changed",
        "+ /fresh",
        "- /gone/",
        "- /gone/below",
        "T /type",
        "T /was-file/",
        "+ /was-file/inside",
    ]
    lines, statistics = diff(builder, old, new)
    assert lines == plain
    assert (statistics.changed_files, statistics.added_files, statistics.removed_files) == (1, 2, 1)
    assert (statistics.added_dirs, statistics.removed_dirs) == (0, 1)
    lines, _ = diff(builder, old, new, metadata=True)
    assert sorted(lines) == sorted([*plain, "U /link", "U /mode"])


def test_backwards_is_the_opposite(builder: RepositoryBuilder):
    old = builder.tree(builder.file(b"a", b"1"), builder.file(b"b", b"2"))
    new = builder.tree(builder.file(b"b", b"two"), link_node(b"c", b"x"))
    forward, there = diff(builder, old, new)
    backward, back = diff(builder, new, old)
    swapped = {"+": "-", "-": "+"}
    assert forward == [swapped.get(line[0], line[0]) + line[1:] for line in backward]
    assert (there.added_bytes, there.removed_bytes) == (back.removed_bytes, back.added_bytes)
    assert (there.added_others, there.removed_others) == (1, 0)


def test_a_tree_and_itself_changed_deep_down(builder: RepositoryBuilder):
    def nest(node: Node) -> bytes:
        tree = builder.tree(node, builder.file(b"other", b"x"))
        for name in (b"c", b"b", b"a"):
            tree = builder.tree(dir_node(name, tree))
        return tree

    old, new = nest(builder.file(b"f", b"1")), nest(builder.file(b"f", b"2"))
    lines, statistics = diff(builder, old, new)
    assert lines == ["M /a/b/c/f"]
    assert statistics.changed_files == 1


def test_copied_content_is_no_new_content(builder: RepositoryBuilder):
    old = builder.tree(builder.file(b"a", b"x" * 1000))
    new = builder.tree(builder.file(b"a", b"x" * 1000), builder.file(b"b", b"x" * 1000))
    _, statistics = diff(builder, old, new)
    # Only the tree itself is new: a few hundred bytes.
    assert statistics.added_files == 1
    assert 0 < statistics.added_bytes < 1000


def test_names_are_bytes(builder: RepositoryBuilder):
    old, new = builder.tree(), builder.tree(builder.file(b"\xff\n", b"1"))
    builder.save()
    index = builder.repository.load_index()
    [change] = diff_trees(builder.repository, index, old, new)
    assert change.path == b"/\xff\n"

"""Files by name and time, in many snapshots."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from lpse_ops.backup.find import Finder, Wanted
from lpse_ops.backup.repository import Repository
from lpse_ops.backup.storage.memory import MemoryBackend
from lpse_ops.backup.treewalk import MAX_DEPTH
from lpse_ops.errors import DamagedRepository
from tests.backup.repositories import RepositoryBuilder, dir_node, link_node, make_repository


@pytest.fixture
def builder() -> RepositoryBuilder:
    return RepositoryBuilder(make_repository(MemoryBackend()))


@pytest.fixture
def office(builder: RepositoryBuilder) -> bytes:
    deep = builder.tree(
        builder.file(b"Laporan.PDF", b"1", mtime="2026-01-02T00:00:00+07:00"),
        builder.file(b"laporan.pdf", b"2", mtime="2026-03-02T00:00:00+07:00"),
        builder.file(b"raw\xff.rhs", b"3"),
    )
    tree = builder.tree(
        dir_node(b"docs", deep), dir_node(b"empty", builder.tree()), link_node(b"z.pdf", b"x")
    )
    builder.save()
    return tree


def find(
    builder: RepositoryBuilder, tree: bytes, *patterns: str, **limits: datetime | bool
) -> list[bytes]:
    wanted = Wanted(patterns, **limits)  # type: ignore[arg-type]
    finder = Finder(builder.repository, builder.repository.load_index(), wanted)
    return [entry.path for entry in finder.find(tree)]


@pytest.mark.parametrize(
    ("patterns", "expected"),
    [
        (["*.pdf"], [b"/docs/laporan.pdf", b"/z.pdf"]),
        (["laporan.pdf"], [b"/docs/laporan.pdf"]),
        (["docs"], [b"/docs"]),
        (["/docs/*"], [b"/docs/Laporan.PDF", b"/docs/laporan.pdf", b"/docs/raw\xff.rhs"]),
        (["?.pdf", "*.rhs"], [b"/docs/raw\xff.rhs", b"/z.pdf"]),
        (["raw\udcff*"], [b"/docs/raw\xff.rhs"]),
        (["[Ll]aporan.*"], [b"/docs/Laporan.PDF", b"/docs/laporan.pdf"]),
        (["nothing"], []),
    ],
)
def test_patterns(
    builder: RepositoryBuilder, office: bytes, patterns: list[str], expected: list[bytes]
):
    assert find(builder, office, *patterns) == expected


def test_ignoring_case(builder: RepositoryBuilder, office: bytes):
    found = find(builder, office, "LAPORAN.*", ignore_case=True)
    assert found == [b"/docs/Laporan.PDF", b"/docs/laporan.pdf"]


def test_between_two_times(builder: RepositoryBuilder, office: bytes):
    day = datetime(2026, 2, 1, tzinfo=UTC)
    assert find(builder, office, "[lL]*", oldest=day) == [b"/docs/laporan.pdf"]
    assert find(builder, office, "[lL]*", newest=day) == [b"/docs/Laporan.PDF"]


def test_a_time_that_is_none_is_damage(builder: RepositoryBuilder):
    tree = builder.tree(builder.file(b"f", b"", mtime="never"))
    builder.save()
    with pytest.raises(DamagedRepository, match="not an RFC 3339 time"):
        find(builder, tree, "f")


def nested(builder: RepositoryBuilder, levels: int) -> bytes:
    tree = builder.tree(builder.file(b"f", b""))
    for _ in range(levels):
        tree = builder.tree(dir_node(b"a", tree), dir_node(b"b", tree))
    builder.save()
    return tree


def test_folders_deeper_than_any_are_damage(builder: RepositoryBuilder):
    with pytest.raises(DamagedRepository, match="nested deeper"):
        find(builder, nested(builder, MAX_DEPTH), "f")


def test_a_folder_that_stands_everywhere_is_searched_once(builder: RepositoryBuilder):
    """There are 2 ** 60 of them."""
    assert find(builder, nested(builder, 60), "nothing") == []


def test_a_path_may_match_at_one_place_and_not_at_another(builder: RepositoryBuilder):
    tree = nested(builder, 3)
    assert find(builder, tree, "/b/*/b/f") == [b"/b/a/b/f", b"/b/b/b/f"]


class CountingRepository(Repository):
    """Counts the trees that are read."""

    loads = 0

    def open_blob(self, *arguments):  # type: ignore[no-untyped-def]
        self.loads += 1
        return super().open_blob(*arguments)


def test_folders_without_a_match_are_read_once_for_all_snapshots(builder: RepositoryBuilder):
    barren = builder.tree(builder.file(b"a", b"1"))
    trees = [
        builder.tree(dir_node(b"docs", barren), builder.file(b"f%d" % number, b"x"))
        for number in range(5)
    ]
    builder.save()
    plain = builder.repository
    repository = CountingRepository(plain.backend, plain.keys, plain.config)
    finder = Finder(repository, repository.load_index(), Wanted(("f3",)))

    def found() -> Iterator[bytes]:
        for tree in trees:
            yield from (entry.path for entry in finder.find(tree))

    assert list(found()) == [b"/f3"]
    assert repository.loads == len(trees) + 1

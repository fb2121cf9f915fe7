"""Dumps and documents stay apart: which blobs are a dump's, and that prune does not mix them."""

from datetime import timedelta

from lpse_ops.backup.dumpblobs import mark_dumps
from lpse_ops.backup.pack import BlobType
from lpse_ops.backup.progress import SILENT
from lpse_ops.backup.prune import PruneOptions, prune
from lpse_ops.backup.pruneplan import MaxUnused
from lpse_ops.backup.repository import Repository
from lpse_ops.backup.storage.memory import MemoryBackend
from tests.backup.repositories import (
    NOON,
    RepositoryBuilder,
    dir_node,
    link_node,
    make_repository,
)

TIGHT = PruneOptions(max_unused=MaxUnused(percent=0))
DUMPS = [b"dump %d " % number * 50 for number in range(4)]
DOCUMENTS = [b"document %d " % number * 50 for number in range(4)]


def builder_with(*days: int) -> RepositoryBuilder:
    """A snapshot for each day, whose dump and document share a pack, as restic stores them."""
    builder = RepositoryBuilder(make_repository(MemoryBackend()))
    for day in days:
        builder.blob(b"needed by nobody %d" % day)
        databases = builder.tree(builder.file(b"epns.dump", DUMPS[day]))
        inside = builder.tree(
            dir_node(b"databases", databases), builder.file(b"manifest.json", b"{}")
        )
        builder.snapshot(
            builder.tree(
                builder.file(b"a.pdf", DOCUMENTS[day]),
                dir_node(b"lpse-ops", inside),
            ),
            time=NOON + timedelta(days=day),
        )
    return builder


def test_the_blobs_of_dumps_are_marked_wherever_they_lie() -> None:
    builder = builder_with(0, 1)
    builder.blob(DUMPS[0])
    builder.save()  # a second copy
    repository = builder.repository
    index = repository.load_index()
    flags = mark_dumps(repository, index, [each.tree for each in repository.snapshots()])
    marked = [index.entry_at(row) for row in range(len(index)) if flags[row]]
    assert sorted(repository.load_blob(index, each.type, each.id) for each in marked) == [
        DUMPS[0],
        DUMPS[0],
        DUMPS[1],
    ]


def test_snapshots_of_other_tools_have_no_dumps() -> None:
    builder = RepositoryBuilder(make_repository(MemoryBackend()))
    trees = [
        builder.tree(),
        builder.tree(link_node(b"lpse-ops", b"/somewhere")),
        builder.tree(dir_node(b"lpse-ops", builder.tree(builder.file(b"databases", b"x")))),
    ]
    builder.save()
    index = builder.repository.load_index()
    assert not any(mark_dumps(builder.repository, index, trees))


def sorts(repository: Repository) -> list[set[bool]]:
    """For each data pack, whether blobs of dumps, others, or both are in it."""
    index = repository.load_index()
    dumps = mark_dumps(repository, index, [each.tree for each in repository.snapshots()])
    packs = (
        {bool(dumps[row]) for row in rows if index.kinds[row] == BlobType.DATA}
        for _, rows in index.pack_rows()
    )
    return [each for each in packs if each]


def test_prune_does_not_mix_dumps_and_documents() -> None:
    repository = builder_with(0, 1, 2, 3).repository
    assert sorts(repository) == [{True, False}] * 4
    report = prune(repository, TIGHT, SILENT, now=NOON)
    assert report.packs_repacked == 4
    assert sorted(sorts(repository), key=str) == [{False}, {True}]

"""Files left out of snapshots that exist already."""

import os
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from lpse_ops.backup.exclude import Excludes
from lpse_ops.backup.repository import Repository
from lpse_ops.backup.rewrite import Changes, rewrite_snapshots
from lpse_ops.backup.snapshot import Snapshot
from lpse_ops.backup.storage.fault import FaultBackend
from lpse_ops.backup.storage.memory import MemoryBackend
from lpse_ops.backup.treewalk import walk_tree
from lpse_ops.errors import OpsError, RepositoryError
from tests.backup.cheap_repository import PASSWORD, init_cheaply
from tests.backup.damage import copy_tree, make_small_nasty_tree, restic_passes
from tests.backup.repositories import NOON, RepositoryBuilder, dir_node, file_node, make_repository
from tests.backup.storing import open_cheap, store
from tests.backup.test_check import check, messages
from tests.restic_binaries import Restic


@pytest.fixture
def builder() -> RepositoryBuilder:
    """Two snapshots, of which only the second holds a file to be left out."""
    builder = RepositoryBuilder(make_repository(MemoryBackend()))
    kept = builder.tree(builder.file(b"a.pdf", b"aaa"))
    builder.snapshot(builder.tree(dir_node(b"kept", kept)))
    docs = builder.tree(builder.file(b"b.TMP", b"bb"), builder.file(b"b.pdf", b"b"))
    builder.snapshot(
        builder.tree(dir_node(b"docs", docs), dir_node(b"kept", kept)),
        time=NOON + timedelta(days=1),
    )
    return builder


def excluding(*patterns: str, insensitive: tuple[str, ...] = ()) -> Changes:
    return Changes(Excludes(patterns, insensitive))


def paths(repository: Repository, snapshot: Snapshot) -> list[bytes]:
    index = repository.load_index()
    return [entry.path for entry in walk_tree(repository, index, snapshot.tree)]


def test_only_snapshots_that_hold_a_match_are_rewritten(builder: RepositoryBuilder):
    repository = builder.repository
    first, second = repository.snapshots()
    (done,) = rewrite_snapshots(repository, [first, second], excluding("*.TMP"))
    assert done.snapshot == second
    assert done.tree is not None
    assert list(done.tree.all_notes()) == [(b"/docs/b.TMP", "left out")]
    _, *others = repository.snapshots()
    (new,) = [each for each in others if each.id == done.new_id]
    assert second in others
    assert paths(repository, new) == [b"/docs", b"/docs/b.pdf", b"/kept", b"/kept/a.pdf"]
    assert (new.original, new.tags, new.time) == (second.id, ("rewrite",), second.time)
    assert new.summary == {"total_files_processed": 2, "total_bytes_processed": 4}
    assert messages(check(repository)) == ""


def test_case_is_ignored_where_it_is_asked_for(builder: RepositoryBuilder):
    repository = builder.repository
    assert rewrite_snapshots(repository, repository.snapshots(), excluding("*.tmp")) == []
    folded = excluding(insensitive=("*.tmp",))
    assert len(rewrite_snapshots(repository, repository.snapshots(), folded)) == 1


def test_trees_then_index_then_snapshot_then_removal(builder: RepositoryBuilder):
    watched = FaultBackend(builder.repository.backend)
    repository = Repository(watched, builder.repository.keys, builder.repository.config)
    (done,) = rewrite_snapshots(repository, repository.snapshots(), excluding("*.TMP"), forget=True)
    steps = [(operation, name.partition("/")[0]) for operation, name in watched.operations]
    assert steps == [
        ("save", "data"),
        ("save", "index"),
        ("save", "snapshots"),
        ("remove", "snapshots"),
    ]
    (new,) = [each for each in repository.snapshots() if each.id == done.new_id]
    assert new.tags == ()
    assert len(repository.snapshots()) == 2


def test_a_dry_run_writes_nothing(builder: RepositoryBuilder):
    watched = FaultBackend(builder.repository.backend)
    repository = Repository(watched, builder.repository.keys, builder.repository.config)
    (done,) = rewrite_snapshots(
        repository, repository.snapshots(), excluding("*.TMP"), forget=True, dry_run=True
    )
    assert (done.new_id, watched.operations) == ("", [])


def test_host_and_time_change_without_a_look_at_the_trees(builder: RepositoryBuilder):
    repository = builder.repository
    first = repository.snapshots()[0]
    changes = Changes(hostname="lpse-baru", time=NOON - timedelta(days=9))
    (done,) = rewrite_snapshots(repository, [first], changes)
    (new,) = [each for each in repository.snapshots() if each.id == done.new_id]
    assert (new.hostname, new.time, new.tree) == ("lpse-baru", NOON - timedelta(days=9), first.tree)
    assert rewrite_snapshots(repository, [new], changes) == []


def test_patterns_that_leave_nothing_remove_nothing(builder: RepositoryBuilder):
    repository = builder.repository
    before = repository.snapshots()
    with pytest.raises(RepositoryError) as refused:
        rewrite_snapshots(repository, before, excluding("*"), forget=True)
    assert "forget" in refused.value.hint
    assert repository.snapshots() == before


def test_what_is_kept_forever_is_not_replaced(builder: RepositoryBuilder):
    repository = builder.repository
    second = repository.snapshots()[1]
    repository.save_snapshot(replace(second, id="", tags=("keep-forever",)))
    before = repository.snapshots()
    with pytest.raises(RepositoryError, match="kept forever"):
        rewrite_snapshots(repository, before, excluding("*.TMP"), forget=True)
    assert repository.snapshots() == before
    assert len(rewrite_snapshots(repository, before, excluding("*.TMP"))) == 2


def test_a_folder_that_cannot_be_read_stops_it(builder: RepositoryBuilder):
    builder.snapshot(
        builder.tree(dir_node(b"gone", b"\1" * 32), file_node(b"b.TMP")),
        time=NOON + timedelta(days=2),
    )
    watched = FaultBackend(builder.repository.backend)
    repository = Repository(watched, builder.repository.keys, builder.repository.config)
    with pytest.raises(OpsError):
        rewrite_snapshots(repository, repository.snapshots(), excluding("*.TMP"), forget=True)
    assert not [name for operation, name in watched.operations if operation == "remove"]
    assert len(repository.snapshots()) == 3


# -- against restic ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory, restic_new: Restic) -> Path:
    """A snapshot of ours and one of restic's, of names that are hard to encode."""
    root = init_cheaply(tmp_path_factory.mktemp("stored") / "repo")
    docs = root.parent / "docs"
    docs.mkdir()
    make_small_nasty_tree(docs / "nasty")
    for each in range(12):
        path = docs / f"d{each % 3}" / f"{each}.{'tmp' if each % 4 else 'TMP'}"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(os.urandom(3_000))
        path.with_suffix(".pdf").write_bytes(os.urandom(3_000))
    (docs / "d1" / "7.pdf").unlink()
    os.link(docs / "d0" / "0.pdf", docs / "d1" / "7.pdf")
    store(root, docs)
    restic_new.run("backup", docs, repo=root, password=PASSWORD)
    return root


@pytest.mark.parametrize(
    "options",
    [
        ("--exclude", "*.tmp"),
        ("--iexclude", "*.tmp"),
        ("--exclude", "d1"),
        ("--exclude", "nasty"),
        ("--exclude", "*\xff*", "--exclude", "d2/*.pdf", "--exclude", "!d2/2.pdf"),
        ("--exclude", "*"),
        ("--exclude", "nothing-is-called-this"),
    ],
)
def test_restic_rewrites_to_the_same(
    stored: Path, tmp_path: Path, restic_new: Restic, options: tuple[str, ...]
):
    ours, theirs = copy_tree(stored, tmp_path / "ours"), copy_tree(stored, tmp_path / "theirs")
    pairs = list(zip(options[::2], options[1::2], strict=True))
    patterns = {
        flag: tuple(value for name, value in pairs if name == flag)
        for flag in ("--exclude", "--iexclude")
    }
    repository = open_cheap(ours)
    excludes = Excludes(patterns["--exclude"], patterns["--iexclude"])
    rewrite_snapshots(repository, repository.snapshots(), Changes(excludes))
    restic_new.run("rewrite", *options, repo=theirs, password=PASSWORD)
    assert _all_fields(repository) == _all_fields(open_cheap(theirs))
    assert restic_passes(restic_new, ours, PASSWORD)
    # restic finds nothing left to do in what we wrote, and can encode it again.
    done = restic_new.run("rewrite", *options, "--tag", "rewrite", repo=ours, password=PASSWORD)
    assert b"modified 0 snapshots" in done.stdout or b"no snapshots were modified" in done.stdout


def _all_fields(repository: Repository) -> set[tuple[object, ...]]:
    return set(map(_fields, repository.snapshots()))


def _fields(snapshot: Snapshot) -> tuple[object, ...]:
    kept = ("total_files_processed", "total_bytes_processed")
    counts = tuple(snapshot.summary.get(each) for each in kept)
    return (snapshot.time, snapshot.tree, snapshot.tags, snapshot.original, *counts)

"""Snapshots made readable again: what is lost is named, what is left is kept."""

import hashlib
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lpse_ops.backup.node import Node, encode_node
from lpse_ops.backup.pack import BlobType, PackEntry
from lpse_ops.backup.repairindex import drop_packs, repair_index
from lpse_ops.backup.repairpacks import salvage_packs
from lpse_ops.backup.repairsnapshots import remove_damaged_files, repair_snapshots
from lpse_ops.backup.repository import Repository
from lpse_ops.backup.snapshot import Snapshot
from lpse_ops.backup.storage.backend import FileKind
from lpse_ops.backup.storage.fault import Fault, FaultBackend
from lpse_ops.backup.storage.memory import MemoryBackend
from lpse_ops.backup.tree import EMPTY_TREE, encode_nodes, encode_tree
from lpse_ops.backup.treewalk import find_entry, walk_tree
from lpse_ops.errors import DamagedRepository, RepositoryError, StorageError
from tests.backup.cheap_repository import PASSWORD, init_cheaply
from tests.backup.damage import (
    contents,
    copy_tree,
    cut,
    flip,
    make_small_nasty_tree,
    names,
    pack_name,
    packs_of,
    restic_passes,
    restic_trees,
)
from tests.backup.hostile import FUZZ, forged
from tests.backup.repositories import (
    NOON,
    RepositoryBuilder,
    dir_node,
    file_node,
    link_node,
    make_repository,
)
from tests.backup.storing import open_cheap, store
from tests.backup.test_check import check, messages
from tests.restic_binaries import Restic


@pytest.fixture
def builder() -> RepositoryBuilder:
    return RepositoryBuilder(make_repository(MemoryBackend()))


def lose(repository: Repository, blob_type: BlobType, number: int = 0) -> None:
    """A pack is gone, and the index was repaired."""
    repository.backend.remove(pack_name(packs_of(repository, blob_type)[number]))
    repair_index(repository)


def repair(repository: Repository, **how: bool) -> list[tuple[bytes, str]]:
    """Repair all; what was changed in the first."""
    repairs = repair_snapshots(repository, repository.snapshots(), **how)
    return list(repairs[0].tree.all_notes()) if repairs and repairs[0].tree else []


def test_sound_snapshots_are_left_alone(builder: RepositoryBuilder):
    builder.snapshot(builder.tree(builder.file(b"a", b"x"), dir_node(b"d", builder.tree())))
    watched = FaultBackend(builder.repository.backend)
    repository = Repository(watched, builder.repository.keys, builder.repository.config)
    assert repair_snapshots(repository, repository.snapshots(), forget=True) == []
    assert watched.operations == []


def test_a_file_loses_the_parts_that_are_gone(builder: RepositoryBuilder):
    pieces = [builder.blob(b"first"), b"\1" * 32, builder.blob(b"third!"), b"\2" * 32]
    lost = file_node(b"half.pdf", pieces, size=100)
    root = builder.tree(dir_node(b"docs", builder.tree(lost, builder.file(b"whole", b"w"))))
    old = builder.snapshot(root)
    assert repair(builder.repository) == [
        (b"/docs/half.pdf", "2 of its 4 parts are lost: 11 of 100 bytes are there")
    ]
    (new,) = [each for each in builder.repository.snapshots() if each.id != old]
    entry = find_entry(
        builder.repository, builder.repository.load_index(), new.tree, b"/docs/half.pdf"
    )
    assert entry.node == lost._replace(content=(pieces[0], pieces[2]), size=11)
    assert (new.original, new.tags, new.time) == (old, ("repaired",), NOON)
    assert repair_snapshots(builder.repository, [new]) == []


def test_a_file_of_which_nothing_is_left_is_empty(builder: RepositoryBuilder):
    builder.snapshot(builder.tree(file_node(b"a", [b"\1" * 32], size=9)))
    repair(builder.repository, forget=True)
    (new,) = builder.repository.snapshots()
    assert new.tree == builder.tree(file_node(b"a"))
    assert messages(check(builder.repository)) == ""


def test_a_wrong_size_is_put_right(builder: RepositoryBuilder):
    builder.snapshot(builder.tree(builder.file(b"a", b"four", size=5)))
    notes = repair(builder.repository, forget=True)
    assert notes == [(b"/a", "its size was wrong: 4 of 5 bytes are there")]
    assert messages(check(builder.repository)) == ""


def test_a_folder_that_is_gone_becomes_empty(builder: RepositoryBuilder):
    builder.snapshot(builder.tree(dir_node(b"gone", b"\1" * 32), builder.file(b"x", b"x")))
    notes = repair(builder.repository, forget=True)
    assert notes == [(b"/gone", "cannot be read: all that was in it is lost")]
    (new,) = builder.repository.snapshots()
    assert new.tree == builder.tree(
        dir_node(b"gone", builder.raw_tree(EMPTY_TREE)), builder.file(b"x", b"x")
    )
    assert new.tags == ()
    assert messages(check(builder.repository)) == ""


def test_a_damaged_empty_folder_is_stored_anew(builder: RepositoryBuilder):
    """Its blob is in the index, but cannot be read; the new one has the same id."""
    builder.raw_tree(EMPTY_TREE)
    builder.save()
    flip(builder.repository.backend, pack_name(packs_of(builder.repository, BlobType.TREE)[0]), 20)
    empty = builder.raw_tree(EMPTY_TREE)
    builder._blobs[BlobType.TREE].clear()
    builder.snapshot(builder.tree(dir_node(b"d", empty), file_node(b"x", [b"\1" * 32])))
    repair(builder.repository, forget=True)
    (new,) = builder.repository.snapshots()
    index = builder.repository.load_index()
    paths = [entry.path for entry in walk_tree(builder.repository, index, new.tree)]
    assert paths == [b"/d", b"/x"]


def listing(*nodes: Node) -> bytes:
    """A tree with its entries as they are given, in whatever order."""
    return encode_tree(map(encode_node, nodes))


A, B, C = (file_node(name) for name in (b"a", b"b", b"c"))


@pytest.mark.parametrize(
    ("text", "left", "note"),
    [
        (listing(A, B).replace(b':"file', b':"irregular', 1), b"b", "cannot be read and is"),
        (listing(B, A, C), b"abc", None),
        (listing(A, A._replace(mode=1), B), b"ab", "stood here twice"),
        (b'{"nodes":[1,null,{"name":"x"}]}\n', b"", "cannot be read and is left out"),
        (b'{"nodes":null}\n', b"", None),
        (b"[]", b"", "all that was in it is lost"),
    ],
)
def test_entries_that_can_be_read_are_kept(
    builder: RepositoryBuilder, text: bytes, left: bytes, note: str | None
):
    builder.snapshot(builder.tree(dir_node(b"d", builder.raw_tree(text))))
    if text == b'{"nodes":null}\n':
        assert repair(builder.repository, forget=True) == []  # restic reads it as empty, too
        return
    notes = repair(builder.repository, forget=True)
    assert note is None or any(note in each for _, each in notes)
    (new,) = builder.repository.snapshots()
    index = builder.repository.load_index()
    paths = [entry.path for entry in walk_tree(builder.repository, index, new.tree)]
    assert paths == [b"/d", *(b"/d/%c" % each for each in left)]
    assert messages(check(builder.repository)) == ""


FORGED = encode_nodes(
    [
        file_node(
            "a&\u2028<é".encode(), [b"\1" * 32], size=5, user="u", xattrs=((b"user.x", b"y"),)
        ),
        dir_node(b"b", b"\2" * 32),
        file_node(b"b\xff\n", size=0),
        link_node(b"c", b"x\xff"),
    ]
)


@FUZZ
@given(data=st.data())
def test_whatever_stands_in_a_folder_what_is_left_of_it_can_be_read(data: st.DataObject):
    builder = RepositoryBuilder(make_repository(MemoryBackend()))
    odd = builder.raw_tree(data.draw(forged(FORGED).filter(bool)))
    builder.snapshot(builder.tree(dir_node(b"odd", odd), builder.file(b"x", b"x")))
    repair(builder.repository, forget=True)
    assert messages(check(builder.repository)) == ""
    (new,) = builder.repository.snapshots()
    entries = walk_tree(builder.repository, builder.repository.load_index(), new.tree)
    assert {b"/odd", b"/x"} <= {entry.path for entry in entries}


def test_a_list_of_parts_that_is_null_becomes_empty(builder: RepositoryBuilder):
    text = encode_nodes([file_node(b"a")]).replace(b'"content":[]', b'"content":null')
    builder.snapshot(builder.raw_tree(text))
    repair(builder.repository, forget=True)
    assert messages(check(builder.repository)) == ""
    assert builder.repository.snapshots()[0].tree == builder.tree(file_node(b"a"))


def test_every_path_of_every_snapshot_is_named(builder: RepositoryBuilder):
    shared = builder.tree(file_node(b"lost", [b"\1" * 32], size=1))
    for name in (b"a", b"b"):
        builder.snapshot(builder.tree(dir_node(name, shared), dir_node(b"z", shared)))
    repairs = repair_snapshots(builder.repository, builder.repository.snapshots())
    named = [[path for path, _ in each.tree.all_notes()] for each in repairs if each.tree]
    assert sorted(named) == [[b"/a/lost", b"/z/lost"], [b"/b/lost", b"/z/lost"]]


def test_a_disk_that_fails_proves_nothing_lost(builder: RepositoryBuilder):
    """A timeout must not empty a folder."""
    builder.snapshot(builder.tree(dir_node(b"d", builder.tree(builder.file(b"a", b"a")))))
    backend = builder.repository.backend
    failing = FaultBackend(
        backend,
        looks=lambda _, what, name: (
            Fault.TIMEOUT if what == "load" and name[:5] == "data/" else None
        ),
    )
    repository = Repository(failing, builder.repository.keys, builder.repository.config)
    with pytest.raises(StorageError):
        repair_snapshots(repository, repository.snapshots(), forget=True)
    assert failing.operations == []


# -- what it refuses, and what it does not remove ------------------------------------------------


def test_a_dry_run_writes_nothing_and_says_the_same(builder: RepositoryBuilder):
    builder.snapshot(builder.tree(file_node(b"a", [b"\1" * 32], size=9)))
    watched = FaultBackend(builder.repository.backend)
    dry = Repository(watched, builder.repository.keys, builder.repository.config)
    foretold = repair_snapshots(dry, dry.snapshots(), forget=True, dry_run=True)
    assert watched.operations == []
    done = repair_snapshots(builder.repository, builder.repository.snapshots(), forget=True)
    assert [each.tree for each in foretold] == [each.tree for each in done]


def test_a_snapshot_without_a_root_goes_only_if_asked_to(builder: RepositoryBuilder):
    builder.snapshot(builder.tree(builder.file(b"a", b"a")))
    lost = builder.snapshot(b"\1" * 32)
    repository = builder.repository
    (found,) = repair_snapshots(repository, repository.snapshots())
    assert (found.snapshot.id, found.tree, found.is_removed) == (lost, None, False)
    assert lost in repository.files(FileKind.SNAPSHOT)
    (found,) = repair_snapshots(repository, repository.snapshots(), forget=True)
    assert found.is_removed
    assert lost not in repository.files(FileKind.SNAPSHOT)


def test_a_milestone_stays_beside_what_is_left_of_it(builder: RepositoryBuilder):
    builder.save()
    roots = [builder.tree(file_node(b"a", [b"\1" * 32], size=9)), b"\2" * 32]
    builder.save()
    for root in roots:
        builder.repository.save_snapshot(Snapshot(NOON, root, ("/",), tags=("keep-forever",)))
    builder.snapshot(builder.tree(builder.file(b"b", b"b")))
    before = builder.repository.files(FileKind.SNAPSHOT)
    repairs = repair_snapshots(builder.repository, builder.repository.snapshots(), forget=True)
    assert [each.is_removed for each in repairs] == [False, False]
    after = builder.repository.snapshots()
    assert {each.id for each in after} > set(before)
    assert ("keep-forever", "repaired") in [each.tags for each in after]


def test_if_no_root_can_be_read_nothing_is_removed(builder: RepositoryBuilder):
    """The likely cause is an index that is gone, and repair index brings it back."""
    for number in range(2):
        builder.snapshot(builder.tree(builder.file(b"a%d" % number, b"a")))
    for name in names(builder.repository.backend, FileKind.INDEX):
        builder.repository.backend.remove(name)
    with pytest.raises(RepositoryError) as refused:
        repair_snapshots(builder.repository, builder.repository.snapshots(), forget=True)
    assert "repair index" in refused.value.hint
    assert len(builder.repository.snapshots()) == 2


def test_a_damaged_index_is_refused(builder: RepositoryBuilder):
    builder.snapshot(builder.tree(builder.file(b"a", b"a")))
    flip(builder.repository.backend, names(builder.repository.backend, FileKind.INDEX)[0], 30)
    with pytest.raises(DamagedRepository) as refused:
        repair_snapshots(builder.repository, builder.repository.snapshots())
    assert "repair index" in refused.value.hint


@pytest.mark.parametrize("size", [None, 0, 60])
def test_packs_that_are_gone_or_cut_are_refused(builder: RepositoryBuilder, size: int | None):
    builder.snapshot(builder.tree(builder.file(b"a", b"a" * 100)))
    name = names(builder.repository.backend, FileKind.PACK)[0]
    if size is None:
        builder.repository.backend.remove(name)
    else:
        cut(builder.repository.backend, name, size)
    with pytest.raises(DamagedRepository, match="1 packs are missing or have another") as refused:
        repair_snapshots(builder.repository, builder.repository.snapshots())
    assert "repair packs" in refused.value.hint


def test_snapshot_files_that_cannot_be_read_are_kept_elsewhere(
    builder: RepositoryBuilder, tmp_path: Path
):
    good = builder.snapshot(builder.tree(builder.file(b"a", b"a")))
    bad = builder.snapshot(builder.tree(builder.file(b"b", b"b")))
    name = f"snapshots/{bad}"
    flip(builder.repository.backend, name, 20)
    broken = builder.repository.backend.load(name)
    assert [path.read_bytes() for path in remove_damaged_files(builder.repository, tmp_path)] == [
        broken
    ]
    assert builder.repository.files(FileKind.SNAPSHOT) == [good]


def test_trees_then_index_then_snapshots_then_removals(builder: RepositoryBuilder):
    for name in (b"a", b"b"):
        builder.snapshot(builder.tree(file_node(name, [b"\1" * 32], size=9)))
    watched = FaultBackend(builder.repository.backend)
    repository = Repository(watched, builder.repository.keys, builder.repository.config)
    repair_snapshots(repository, repository.snapshots(), forget=True)
    steps = [(operation, name.partition("/")[0]) for operation, name in watched.operations]
    replaced = [("save", "snapshots"), ("remove", "snapshots")]
    assert steps == [("save", "data"), ("save", "index"), *replaced, *replaced]


# -- packs that no index lists -------------------------------------------------------------------


def orphan(builder: RepositoryBuilder, *blobs: bytes, blob_type: BlobType = BlobType.DATA) -> str:
    """A pack that no index lists; return its name."""
    entries, content = [], b""
    for blob in blobs:
        sealed = builder.repository.crypter.seal(builder.repository.compressor.compress(blob))
        blob_id = hashlib.sha256(blob).digest()
        entries.append(PackEntry(blob_type, blob_id, len(content), len(sealed), len(blob)))
        content += sealed
    return pack_name(builder.save_pack(content, entries))


def refusal(repository: Repository, **how: bool) -> RepositoryError:
    """What it says when it refuses to remove anything, and removes nothing."""
    watched = FaultBackend(repository.backend)
    watching = Repository(watched, repository.keys, repository.config)
    with pytest.raises(RepositoryError, match="nothing was removed") as error:
        repair_snapshots(watching, watching.snapshots(), forget=True, **how)
    assert {operation for operation, name in watched.operations} <= {"save"}
    assert not any(name.startswith("snapshots/") for _, name in watched.operations)
    return error.value


@pytest.fixture
def three(builder: RepositoryBuilder) -> RepositoryBuilder:
    """Three snapshots, each with packs and an index file of its own."""
    for number in range(3):
        file = builder.file(b"a%d" % number, b"a%d" % number, b"b%d" % number)
        builder.snapshot(builder.tree(dir_node(b"d", builder.tree(file))))
    return builder


@pytest.mark.parametrize("number", range(3))
def test_a_snapshot_whose_index_file_was_lost_is_whole_after_repair_index(
    three: RepositoryBuilder, number: int
):
    repository = three.repository
    before, files = contents(repository), repository.files(FileKind.SNAPSHOT)
    repository.backend.remove(names(repository.backend, FileKind.INDEX)[number])
    for dry_run in (False, True):
        assert "repair index" in refusal(repository, dry_run=dry_run).hint
    repair_index(repository)
    assert repair_snapshots(repository, repository.snapshots(), forget=True) == []
    assert repository.files(FileKind.SNAPSHOT) == files
    assert contents(repository) == before
    assert messages(check(repository)) == ""


@pytest.mark.parametrize("blob_type", list(BlobType))
def test_a_single_pack_that_no_index_lists_is_enough(three: RepositoryBuilder, blob_type: BlobType):
    repository = three.repository
    before = contents(repository)
    for pack_id in packs_of(repository, blob_type):
        drop_packs(repository, {pack_id})
        error = refusal(repository)
        assert pack_id.hex()[:10] in error.message
        assert "repair index" in error.hint
        repair_index(repository)
        assert repair_snapshots(repository, repository.snapshots(), forget=True) == []
    assert contents(repository) == before


def test_without_forget_what_looks_lost_stays_beside_what_is_left(three: RepositoryBuilder):
    repository = three.repository
    files = set(repository.files(FileKind.SNAPSHOT))
    drop_packs(repository, {packs_of(repository, BlobType.DATA)[0]})
    (found,) = repair_snapshots(repository, repository.snapshots())
    assert set(repository.files(FileKind.SNAPSHOT)) == files | {found.new_id}


def test_a_good_copy_of_a_damaged_folder_in_a_pack_that_no_index_lists(three: RepositoryBuilder):
    repository = three.repository
    index = repository.load_index()
    before = contents(repository)
    root = repository.snapshots()[0].tree
    good = repository.load_blob(index, BlobType.TREE, root)
    (place,) = index.locations(BlobType.TREE, root)
    flip(repository.backend, pack_name(place.pack_id), place.entry.offset + 20)
    orphan(three, good, blob_type=BlobType.TREE)
    assert "repair index" in refusal(repository).hint
    repair_index(repository)
    assert repair_snapshots(repository, repository.snapshots(), forget=True) == []
    assert contents(repository) == before


def test_orphans_of_a_stopped_backup_are_no_obstacle(builder: RepositoryBuilder):
    old = builder.snapshot(builder.tree(file_node(b"a", [b"\1" * 32], size=9)))
    names_of_orphans = [orphan(builder, b"x"), orphan(builder, b"{}", blob_type=BlobType.TREE)]
    (found,) = repair_snapshots(builder.repository, builder.repository.snapshots(), forget=True)
    assert found.is_removed
    assert old not in builder.repository.files(FileKind.SNAPSHOT)
    assert set(names_of_orphans) <= set(names(builder.repository.backend, FileKind.PACK))


def test_the_same_id_of_the_other_type_is_not_what_is_lost(builder: RepositoryBuilder):
    blob = b'{"nodes":[]}'
    lost = file_node(b"a", [hashlib.sha256(blob).digest()], size=len(blob))
    builder.snapshot(builder.tree(lost))
    orphan(builder, blob, blob_type=BlobType.TREE)
    (found,) = repair_snapshots(builder.repository, builder.repository.snapshots(), forget=True)
    assert found.is_removed


@pytest.mark.parametrize("left", [None, 40, 3, 0])
def test_a_pack_that_does_not_say_what_is_in_it_has_to_be_set_aside_first(
    builder: RepositoryBuilder, tmp_path: Path, left: int | None
):
    """Its header is damaged, or it was cut to so many bytes."""
    builder.snapshot(builder.tree(file_node(b"a", [b"\1" * 32], size=9)))
    name = orphan(builder, b"x" * 100)
    repository = builder.repository
    if left is None:
        flip(repository.backend, name, -20)
    else:
        cut(repository.backend, name, left)
    pack_id = name.rpartition("/")[2]
    assert f"repair packs {pack_id[:10]}" in refusal(repository).hint
    repair_index(repository)
    assert f"repair packs {pack_id[:10]}" in refusal(repository).hint
    (kept,) = salvage_packs(repository, [bytes.fromhex(pack_id)], tmp_path)
    assert kept.copy is not None
    (found,) = repair_snapshots(repository, repository.snapshots(), forget=True)
    assert found.is_removed
    assert messages(check(repository)) == ""


def test_where_nothing_is_lost_no_other_pack_has_to_be_read(builder: RepositoryBuilder):
    builder.snapshot(builder.tree(builder.file(b"a", b"four", size=5)))
    flip(builder.repository.backend, orphan(builder, b"x"), -20)
    (found,) = repair_snapshots(builder.repository, builder.repository.snapshots(), forget=True)
    assert found.is_removed


def test_a_disk_that_does_not_give_a_header_removes_nothing(builder: RepositoryBuilder):
    builder.snapshot(builder.tree(file_node(b"a", [b"\1" * 32], size=9)))
    hidden = orphan(builder, b"x")
    failing = FaultBackend(
        builder.repository.backend,
        looks=lambda _, what, name: Fault.TIMEOUT if (what, name) == ("load", hidden) else None,
    )
    repository = Repository(failing, builder.repository.keys, builder.repository.config)
    with pytest.raises(StorageError):
        repair_snapshots(repository, repository.snapshots(), forget=True)
    assert failing.operations == []


# -- against restic ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory, restic_new: Restic) -> Path:
    """Two snapshots of ours, two of restic's, of names that are hard to encode."""
    root = init_cheaply(tmp_path_factory.mktemp("stored") / "repo")
    docs = root.parent / "docs"
    docs.mkdir()
    make_small_nasty_tree(docs / "nasty")
    for number in range(2):
        for each in range(8):
            path = docs / f"d{each % 3}" / f"{number}-{each}.pdf"
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(os.urandom(30_000))
        (docs / "large.rhs").write_bytes(os.urandom(3_000_000))
        store(root, docs)
        restic_new.run("backup", docs, repo=root, password=PASSWORD)
    return root


def lose_data(repository: Repository) -> None:
    lose(repository, BlobType.DATA)


def lose_trees(repository: Repository) -> None:
    lose(repository, BlobType.TREE, 1)


def lose_some_blobs(repository: Repository) -> None:
    """A pack of each type is damaged in the middle."""
    for blob_type in BlobType:
        pack_id = packs_of(repository, blob_type)[0]
        entry = dict(repository.index_packs())[pack_id][1]
        flip(repository.backend, pack_name(pack_id), entry.offset + 18)
        folder = Path(repository.backend.location).parent / "kept"
        salvage_packs(repository, [pack_id], folder)


def lose_two_packs(repository: Repository) -> None:
    """Their blobs are in no index, and an orphan of a stopped backup is there."""
    packs = packs_of(repository, BlobType.DATA)[:2]
    drop_packs(repository, set(packs))
    for pack_id in packs:
        repository.backend.remove(pack_name(pack_id))
    orphan(RepositoryBuilder(repository), os.urandom(500))


BREAKS = [lose_data, lose_trees, lose_some_blobs, lose_two_packs]


@pytest.mark.parametrize("break_it", BREAKS)
def test_restic_repairs_to_the_same_trees(
    stored: Path, tmp_path: Path, restic_new: Restic, break_it: Callable[[Repository], None]
):
    ours = copy_tree(stored, tmp_path / "ours")
    break_it(open_cheap(ours))
    theirs = copy_tree(ours, tmp_path / "theirs")
    repository = open_cheap(ours)
    repairs = repair_snapshots(repository, repository.snapshots(), forget=True)
    assert repairs
    restic_new.run("repair", "snapshots", "--forget", repo=theirs, password=PASSWORD)
    assert restic_trees(restic_new, ours, PASSWORD) == restic_trees(restic_new, theirs, PASSWORD)
    assert _all_fields(ours) == _all_fields(theirs)


def _all_fields(root: Path) -> set[tuple[object, ...]]:
    return {
        (each.time, each.tree, each.tags, each.original, *sorted(each.summary.items()))
        for each in open_cheap(root).snapshots()
    }


@pytest.mark.parametrize("break_it", BREAKS)
def test_afterwards_restic_checks_and_restores(
    stored: Path, tmp_path: Path, restic: Restic, break_it: Callable[[Repository], None]
):
    root = copy_tree(stored, tmp_path / "repo")
    break_it(open_cheap(root))
    repository = open_cheap(root)
    repair_snapshots(repository, repository.snapshots(), forget=True)
    assert restic_passes(restic, root, PASSWORD)
    assert messages(check(repository)).count("error") == 0
    snapshot = repository.snapshots()[-1]
    restic.run("restore", snapshot.id, "--target", tmp_path / "out", repo=root, password=PASSWORD)
    for entry in walk_tree(repository, repository.load_index(), snapshot.tree):
        if entry.node.type == "file":
            restored = Path(os.fsdecode(bytes(tmp_path / "out") + entry.path))
            assert restored.stat().st_size == entry.node.size


def test_packs_that_no_index_lists_come_back_and_restic_agrees(
    stored: Path, tmp_path: Path, restic: Restic
):
    root = copy_tree(stored, tmp_path / "repo")
    repository = open_cheap(root)
    before = contents(repository)
    drop_packs(repository, set(packs_of(repository, BlobType.DATA)[:2]))
    assert "repair index" in refusal(open_cheap(root)).hint
    repair_index(open_cheap(root))
    repository = open_cheap(root)
    assert repair_snapshots(repository, repository.snapshots(), forget=True) == []
    assert contents(repository) == before
    assert restic_passes(restic, root, PASSWORD)
